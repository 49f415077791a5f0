import { MedTextError } from '../../base/errors';
import { modelOptions, type Arguments, type Command, type Context } from '../commandLine';
import { clip, decimal, table } from '../terminal';

export const embedCommand: Command = {
  name: 'embed',
  usage: ['embed <model> <text> [<text> ...]'],
  summary: 'Turn texts into vectors, and show how alike they are by the cosine of the angle between them.',
  details: [
    'The vectors are those of sentence-transformers: a folder with modules.json says how tokens are pooled and whether',
    'vectors have length 1; any other encoder gives the mean of its tokens. With --json, one object a text.',
  ],
  options: modelOptions,
  examples: ['medtext embed models/minilm "肺炎怎么治疗" "肺炎的治疗方法" --json'],
  run: embed,
};

async function embed(args: Arguments, { screen, signal }: Context): Promise<void> {
  const folder = args.needed(0, 'The model folder');
  args.needed(1, 'The text');
  const texts = args.positionals.slice(1);
  const { openEmbedder } = await import('../../inference/embedder');
  const options = { device: args.text('device'), threads: args.number('threads', 1, 1024), signal };
  const embedder = await openEmbedder(folder, options);
  try {
    const { dimensions } = embedder;
    const values = await embedder.embed(texts, { signal });
    const vectors = texts.map((_, i) => values.subarray(i * dimensions, (i + 1) * dimensions));
    texts.forEach((text, i) => screen.printJson({ text, embedding: [...vectors[i]] }));
    const { pooling, normalize } = embedder.layout;
    screen.print(`${dimensions} dimensions, pooled by ${pooling}${normalize ? ', of length 1' : ''}`);
    if (texts.length < 2) return;
    const rows = texts.map((text, i) => [clip(text, 30), ...vectors.map((other) => decimal(cosine(vectors[i], other), 3))]); // prettier-ignore
    screen.print('', ...table(rows, texts.map((_, i) => i + 1))); // prettier-ignore
  } finally {
    await embedder.close();
  }
}

function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new MedTextError('INTERNAL', 'Vectors of different lengths.');
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i] * b[i];
    squaresA += a[i] * a[i];
    squaresB += b[i] * b[i];
  }
  const lengths = Math.sqrt(squaresA * squaresB);
  return lengths === 0 ? 0 : product / lengths;
}
