/** Pairs per second on KUAKE-QQR's dev set, against PyTorch. See USAGE. */
import { ClassifierRunner } from '../src/inference/classifierRunner';
import { FedNetwork } from '../src/inference/fedNetwork';
import { bertBase, config } from './support/bertBase';
import { alternate, Contestant, referencePython } from './support/contestant';
import { serveTurns, type Measured } from './support/ourSide';
import { bertTokenizer, pairFiles, pairOptions, readPairs, type PairFiles } from './support/pairs';
import { benchOptions, count, gigabytes, NONE, printResult, runMain, seconds, share } from './support/report';

const USAGE = `npm run bench:inference -- [--data FOLDER] [--vocab FILE] [--limit PAIRS] [--passes 1] [--threads 2] [--huge-pages] [--json FILE]

Pairs per second of a BERT-base-sized classifier on KUAKE-QQR's dev set (or about --limit pairs from all over it), with
tokenization on both sides. Ours: the runner behind evaluate and predict; the first pass makes the graphs of all lengths
too. Reference: PyTorch + transformers in inference mode, batches of 32 in the file's order padded to their longest.
Both sides run in turn. --huge-pages gives ours the memory pages that training is started with.`;

const MAX_LENGTH = 128;
/** The reference's batches: with --limit both sides take the same of them. */
const BATCH = 32;

interface OurReport extends Measured {
  readonly pairs: number;
  readonly firstPassSeconds: number;
}

interface ReferenceReport {
  readonly pairs: number;
  readonly seconds: number;
  readonly tokenizeSeconds: number;
  readonly meanPaddedLength: number;
  readonly cpuShare: number;
  readonly peakRssBytes: number;
  readonly environment: object;
}

async function main(): Promise<void> {
  const options = benchOptions(USAGE, {
    ...pairOptions,
    limit: { type: 'string', default: '' },
    passes: { type: 'string', default: '1' },
    'huge-pages': { type: 'boolean', default: false },
    ours: { type: 'boolean', default: false },
  });
  const files = pairFiles(options);
  const threads = count(options.threads, 'threads');
  const limit = options.limit === '' ? 0 : count(options.limit, 'limit');
  const passes = count(options.passes, 'passes');
  if (options.ours) return takePart(files, limit, threads);

  const python = referencePython();
  const oursArgs = ['--ours', '--data', options.data, '--vocab', options.vocab, '--threads', `${threads}`];
  const ours = await Contestant.ours<OurReport>(__filename, [...oursArgs, ...(limit ? ['--limit', `${limit}`] : [])], {
    inHugePages: options['huge-pages'],
  });
  const reference =
    python === undefined
      ? undefined
      : await Contestant.reference<ReferenceReport>(python, 'inference.py', [
          ...[files.validation, files.vocab, '--threads', `${threads}`, '--turns'],
          ...['--limit', `${limit}`, '--max-length', `${MAX_LENGTH}`],
        ]);
  await alternate([ours, reference], passes);
  const measured = await ours.finish();
  const against = (await reference?.finish()) ?? null;
  if (against && against.pairs !== measured.pairs) {
    throw new Error(`Our side ran ${measured.pairs} pairs and the reference ${against.pairs}.`);
  }

  const referenceSeconds = against && against.seconds + against.tokenizeSeconds;
  const row = (name: string, took: number, r: { cpuShare: number; peakRssBytes: number }, cpu = share(r.cpuShare)) => [
    name,
    seconds(took),
    (measured.pairs / took).toFixed(1),
    referenceSeconds ? `${(referenceSeconds / took).toFixed(2)} x` : NONE,
    gigabytes(r.peakRssBytes),
    cpu,
  ];
  printResult(
    'inference',
    {
      threads,
      notes: [`${measured.pairs} pairs; later passes: the median of ${passes}`],
      columns: ['', 'seconds', 'pairs/s', 'faster', 'peak', 'cpuShare'],
      rows: [
        row('ours, first pass', measured.firstPassSeconds, measured, NONE),
        row('ours, later passes', measured.secondsPerStep, measured),
        ...(against ? [row('PyTorch', referenceSeconds!, against)] : []),
      ],
      results: { ours: measured, reference: against },
      reference: against?.environment ?? null,
    },
    options.json,
  );
}

/** Our process. */
async function takePart(files: PairFiles, limit: number, threads: number): Promise<void> {
  const all = (await readPairs(files.validation)).examples;
  const stride = limit ? Math.max(1, Math.floor(all.length / limit)) : 1;
  const pairs = all
    .filter((_, i) => Math.floor(i / BATCH) % stride === 0)
    .map(({ first, second }) => ({ a: first, b: second }));
  const tokenizer = bertTokenizer(files.vocab);
  const { network, parameters } = await bertBase();
  const runner = new ClassifierRunner(
    network,
    new FedNetwork(network, parameters, { threads, padTokenId: config.padTokenId }),
  );
  const pass = async () => {
    await runner.logits(await tokenizer.encodeAll(pairs, MAX_LENGTH));
  };
  const started = performance.now();
  await pass();
  const firstPassSeconds = (performance.now() - started) / 1000;
  await serveTurns(threads, pass, () => ({ pairs: pairs.length, firstPassSeconds }));
  await runner.close();
}

runMain(main);
