import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { asMedTextError } from '../../base/errors';
import type { HubClient } from '../../hub/download';
import type { HubReference } from '../../hub/hubReference';
import type { HubSettings } from '../../hub/hubSettings';
import type { TransferProgress } from '../../hub/transferMeter';
import type { FoundSource } from '../../library/modelSource';
import { version } from '../../../package.json';
import type { Arguments, Command, Context } from '../commandLine';
import { KNOWN_ENCODERS } from '../../protocol/knownEncoders';
import { loginOption, reachedBy, tellingOfLogins, transferLine } from '../recipeSources';
import { bytes, counted, duration, integer, properties, table } from '../terminal';

export const importCommand: Command = {
  name: 'import',
  usage: [
    'import <folder|file> --output DIR',
    'import modelscope:OWNER/NAME[@REVISION] | hf:OWNER/NAME[@REVISION] | ADDRESS [--output DIR]',
    'import modelscope:OWNER/NAME | hf:datasets/OWNER/NAME | ADDRESS --dataset [--output DIR]',
    'import --list',
    'import --search WORDS',
  ],
  summary: 'Import a model or a data set from ModelScope, Hugging Face, a folder or a file.',
  details: [
    '--list also shows encoders that are known to work. --search sends the words to both hubs and prints the results.',
    "Models and data that the hubs' own clients have downloaded are taken from their caches (--list shows them; --no-cache does",
    'not use them). An interrupted download continues when you run the same command again.',
    'Tokens: MODELSCOPE_API_TOKEN, HF_TOKEN, or --login. Mirrors: MODELSCOPE_ENDPOINT, HF_ENDPOINT. Proxies: HTTPS_PROXY, NO_PROXY.',
    'With HF_HUB_OFFLINE=1 no hub is contacted. MEDTEXT_CACHE is the folder of unfinished downloads (default: ~/.cache/medtext).',
    '',
    'No code in a checkpoint is executed. A pickle that contains anything but tensors is refused; the error names what it found.',
    "The model folder has Hugging Face's layout, ModelScope's files and float32 weights. transformers loads it as it is.",
    'The files of a data set are not changed (CSV, TSV, JSON, JSON Lines, Parquet, XLSX).',
  ],
  options: {
    output: {
      kind: 'value',
      value: 'DIR',
      short: 'o',
      help: 'The folder to write. Default for a hub: the name of the repository, in the current folder.',
    },
    dataset: { kind: 'flag', help: 'The name is that of a data set. A hub may have a model of the same name.' },
    include: { kind: 'list', value: 'GLOB', help: 'Download the files that match GLOB, instead of the usual files.' },
    plan: { kind: 'flag', help: 'Only show what would be downloaded, and the sizes.' },
    'no-cache': { kind: 'flag', help: "Do not use the caches of the hubs' own clients." },
    ...loginOption,
    list: {
      kind: 'flag',
      help: "List what the hubs' own clients have downloaded, and encoders that are known to work.",
    },
    search: {
      kind: 'value',
      value: 'WORDS',
      help: 'Search both hubs for models (with --dataset: data sets) by name.',
    },
  },
  examples: [
    'medtext import modelscope:damo/nlp_medical_structbert_backbone_base --output models/structbert',
    'medtext import hf:hfl/chinese-macbert-base@main -o models/macbert',
    'medtext import --search medbert',
    'medtext import modelscope:chuanqi/CBLUE-KUAKE-QQR --dataset --output data/qqr',
    'medtext import ~/Downloads/pytorch_model.bin --output models/structbert',
  ],
  run: importAnything,
};

async function importAnything(args: Arguments, context: Context): Promise<void> {
  const typed = args.text('search');
  args.atMost(args.flag('list') || typed !== undefined ? 0 : 1);
  const ofImports = ['output', 'include', 'plan', 'no-cache'];
  if (args.flag('list')) {
    args.refuse(['search', 'dataset', ...ofImports], 'cannot be used with --list.');
    return listCaches(context);
  }
  if (typed !== undefined) {
    args.refuse(ofImports, 'cannot be used with --search.');
    if (typed.trim() === '') throw args.wrong('--search needs words.');
    return searchHubs(typed, args, context);
  }
  const named = args.needed(0, 'The source');
  const { parseHubReference } = await import('../../hub/hubReference');
  const { HubClient } = await import('../../hub/download');
  const settings = await reachedBy(args);
  const reference = parseHubReference(named, settings.endpoints);
  const isDataset = args.flag('dataset') || reference?.kind === 'dataset';
  if (args.flag('dataset') && !reference) throw args.wrong(`--dataset takes a hub's data set; "${named}" is a path.`);
  if (!reference) args.refuse(['include'], `is for a hub; "${named}" is a path.`);
  if (!reference && args.text('output') === undefined) throw args.wrong('--output DIR is missing.');
  const client = new HubClient({ settings, userAgent: `medtext/${version}` });
  try {
    await tellingOfLogins(args, context, () =>
      importFrom({ named, reference, isDataset, settings, client, args, context }),
    );
  } finally {
    await client.close();
  }
}

interface Wish {
  readonly named: string;
  readonly reference: HubReference | undefined;
  readonly isDataset: boolean;
  readonly settings: HubSettings;
  readonly client: HubClient;
  readonly args: Arguments;
  readonly context: Context;
}

async function importFrom(wish: Wish): Promise<void> {
  const { named, reference, isDataset, args, client, settings, context } = wish;
  const { repositoryName } = await import('../../hub/hubReference');
  const { findModelOrDataset, kindOf } = await import('../../library/modelSource');
  const output = resolve(args.text('output') ?? repositoryName(reference!));
  const found = await findModelOrDataset(named, {
    isDataset,
    output,
    client,
    settings,
    env: process.env,
    downloads: downloads(),
    include: args.list('include'),
    useCaches: !args.flag('no-cache'),
    signal: context.signal,
  });
  tellPlan(wish, found);
  if (args.flag('plan')) return printPlan(wish, found);
  await (kindOf(found) === 'dataset' ? bringDataset(wish, found, output) : bringModel(wish, found, output));
}

/** The folder of downloads. It is kept between calls, so that an interrupted download continues. */
function downloads(): string {
  const cache = process.env.XDG_CACHE_HOME?.trim() || join(homedir(), '.cache');
  return join(process.env.MEDTEXT_CACHE?.trim() || join(cache, 'medtext'), 'downloads');
}

/** Prints the plan before anything is downloaded. */
function tellPlan({ context: { screen } }: Wish, found: FoundSource): void {
  if (found.kind === 'cached') screen.note(`${found.origin.reference} is on this machine: ${found.cached.folder}`);
  if (found.kind !== 'remote') return;
  const { files, totalBytes, keptBytes, commit } = found.plan;
  const kept = keptBytes > 0 ? `, ${bytes(keptBytes)} already downloaded` : '';
  const at = commit === undefined ? '' : ` at ${commit.slice(0, 12)}`;
  screen.note(`${found.origin.reference}${at}: ${counted(files.length, 'file')}, ${bytes(totalBytes)}${kept}`);
}

function printPlan({ context: { screen } }: Wish, found: FoundSource): void {
  const { origin } = found;
  if (found.kind !== 'remote') {
    const folder = found.kind === 'cached' ? found.cached.folder : found.path;
    screen.printJson({ ...origin, folder, files: [], totalBytes: 0, keptBytes: 0 });
    return screen.print('Nothing to download.');
  }
  const { files, totalBytes, keptBytes, leftOut } = found.plan;
  const sizes = (list: typeof files) => list.map(({ path, sizeBytes }) => ({ path, sizeBytes }));
  screen.printJson({ ...origin, files: sizes(files), totalBytes, keptBytes, leftOut: sizes(leftOut) });
  const rows = (list: typeof files, mark: string) => list.map(({ path, sizeBytes }) => [path, bytes(sizeBytes), mark]);
  screen.print(...table([...rows(files, ''), ...rows(leftOut, 'left out')], [1]));
}

function transferProgress({ context: { screen } }: Wish): (progress: TransferProgress) => void {
  return (progress) => screen.progress(...transferLine(progress));
}

async function bringDataset(wish: Wish, found: FoundSource, output: string): Promise<void> {
  const { client, context } = wish;
  const { screen, signal } = context;
  const { fetchDataset } = await import('../../library/importDataset');
  const { folder: root, files } = await fetchDataset(found, output, { client, onProgress: transferProgress(wish), signal }); // prettier-ignore
  screen.printJson({ dataset: root, source: found.origin.reference, commit: found.origin.commit ?? null, files });
  screen.print(root, ...(files ? table(files.map(({ path, sizeBytes }) => [path, bytes(sizeBytes)]), [1]) : [])); // prettier-ignore
}

async function bringModel(wish: Wish, found: FoundSource, output: string): Promise<void> {
  const { client, context } = wish;
  const { screen, signal } = context;
  const { importSource } = await import('../../library/importSource');
  const { loadReportLines } = await import('../../models/parameterNames');
  const started = performance.now();
  const { imported, record } = await importSource(found, output, {
    client,
    signal,
    onDownload: transferProgress(wish),
    onImport: ({ doneBytes, totalBytes }) =>
      screen.progress(
        totalBytes > 0 ? doneBytes / totalBytes : 1,
        `${bytes(doneBytes)} of ${bytes(totalBytes)} written`,
      ),
  });
  const { path, source: folder, parameterCount, report } = imported;
  const { config, labels } = folder;
  const { source, revision, commit, license, contentHash } = record;
  screen.printJson({
    model: path,
    parameterCount,
    modelType: config.modelType,
    layers: config.layerCount,
    hiddenSize: config.hiddenSize,
    vocabSize: config.vocabSize,
    labels: labels ?? null,
    source,
    revision,
    commit,
    license,
    contentHash,
    ...report,
  });
  screen.print(
    path,
    ...properties([
      [
        'architecture',
        `${config.modelType}, ${config.layerCount} layers, hidden size ${config.hiddenSize}, ${config.headCount} heads`,
      ],
      ['vocabulary', `${integer(config.vocabSize)} tokens, ${integer(config.maxPositions)} positions`],
      ['parameters', `${integer(parameterCount)} (${bytes(4 * parameterCount)})`],
      ...(labels ? ([['labels', labels.join(', ')]] as const) : []),
      ...(license === null ? [] : ([['licence', license]] as const)),
      ['content', contentHash],
      ['time', duration((performance.now() - started) / 1000)],
    ]),
    '',
    ...loadReportLines(report).map((line) => `  ${line}`),
  );
}

/** Searches the hubs one after the other. A hub that cannot be reached does not hide the results of the other. */
async function searchHubs(typed: string, args: Arguments, { screen, signal }: Context): Promise<void> {
  const { HubClient } = await import('../../hub/download');
  const { hubNames, hubPrefixes, hubTitles } = await import('../../base/hubNames');
  const settings = await reachedBy(args);
  const kind = args.flag('dataset') ? 'dataset' : 'model';
  const client = new HubClient({ settings, userAgent: `medtext/${version}` });
  const failures: unknown[] = [];
  const found: { source: string; downloads?: number; license?: string; task?: string }[] = [];
  try {
    for (const hub of hubNames) {
      if (!settings.offline)
        screen.note(`Asking ${new URL(settings.endpoints[hub]).host} for ${JSON.stringify(typed)}`);
      try {
        for (const { repository, ...facts } of await client.search(hub, typed, kind, signal)) {
          found.push({
            source: `${hubPrefixes[hub][0]}:${kind === 'dataset' ? 'datasets/' : ''}${repository}`,
            ...facts,
          });
        }
      } catch (error) {
        const known = asMedTextError(error);
        if (known.code === 'CANCELLED') throw known;
        failures.push(known);
        screen.note(`${hubTitles[hub]}: ${known.message}`);
      }
    }
  } finally {
    await client.close();
  }
  if (failures.length === hubNames.length) throw failures[0];
  screen.printJson({ found });
  if (found.length === 0) return screen.print(`Nothing was found for ${JSON.stringify(typed)}.`);
  const rows = found.map(({ source, downloads, license, task }) => [source, downloads === undefined ? '' : integer(downloads), license ?? '', task ?? '']); // prettier-ignore
  screen.print(...table(rows, [1]));
}

async function listCaches({ screen }: Context): Promise<void> {
  const { cachedRepositories } = await import('../../hub/localCaches');
  const { formatHubReference } = await import('../../hub/hubReference');
  const cached = (await cachedRepositories({ env: process.env })).map((repository) => ({
    ...repository,
    reference: formatHubReference({ ...repository, folder: undefined }),
  }));
  screen.printJson({
    cached: cached.map(({ reference, kind, folder, sizeBytes }) => ({ reference, kind, folder, sizeBytes })),
    known: KNOWN_ENCODERS.map(({ source, language, texts, size, license, pooling }) => ({ source, language: String(language), texts: String(texts), size: size ?? null, license: license ?? null, pooling: pooling ?? null })), // prettier-ignore
  });
  if (cached.length === 0) screen.print('The caches of ModelScope and Hugging Face hold nothing to import.');
  screen.print(...table(cached.map(({ reference, sizeBytes, folder }) => [reference, bytes(sizeBytes), folder]), [1])); // prettier-ignore
  screen.print('', 'Encoders that are known to work (medtext import SOURCE):');
  screen.print(...table(KNOWN_ENCODERS.map(({ source, language, texts, size, license, pooling }) => [source, `${String(language)}, ${String(texts)}`, `size ${size?.value ?? 'unknown'}`, `licence ${license?.value ?? 'unknown'}`, `pooling ${pooling?.value ?? 'unknown'}`]), [])); // prettier-ignore
}
