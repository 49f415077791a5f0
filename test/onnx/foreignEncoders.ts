/** The foreign encoders of test/fixtures/onnx (see makeForeignEncoders.py) and what PyTorch says of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';

export const FIXTURES = join(__dirname, '../fixtures/onnx');
export const LAYOUTS = ['torchscript', 'optimum', 'opset11', 'dynamo'] as const;
export type Layout = (typeof LAYOUTS)[number];

export interface EncoderInputs {
  readonly shape: [number, number];
  readonly input_ids: readonly number[];
  readonly attention_mask: readonly number[];
  readonly token_type_ids: readonly number[];
}

interface Reference {
  /** Float values are base64 of float32. */
  readonly cases: readonly (EncoderInputs & { last_hidden_state: string; pooler_output: string })[];
  readonly gradientCase: EncoderInputs & {
    readonly labels: readonly number[];
    readonly loss: number;
    readonly logits: readonly number[];
    readonly classifier: { readonly weight: string; readonly bias: string };
    readonly gradients: Readonly<Record<string, string>>;
  };
  readonly parameterNames: Readonly<
    Record<Layout, Readonly<Record<string, { parameter: string; transposed: boolean }>>>
  >;
}

export const REFERENCE = JSON.parse(readFileSync(join(FIXTURES, 'foreignEncoders.json'), 'utf8')) as Reference;

export function encoderBytes(layout: Layout): Uint8Array {
  return readFileSync(join(FIXTURES, `${layout}.onnx`));
}

export function floatsOf(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

export function encoderFeeds(inputs: EncoderInputs): Record<string, ort.Tensor> {
  const tensor = (values: readonly number[]) =>
    new ort.Tensor('int64', BigInt64Array.from(values, BigInt), inputs.shape);
  return {
    input_ids: tensor(inputs.input_ids),
    attention_mask: tensor(inputs.attention_mask),
    token_type_ids: tensor(inputs.token_type_ids),
  };
}

/** Runs an ONNX file on the CPU provider; feeds the graph does not take are left out. */
export async function runOnnx(
  bytes: Uint8Array,
  feeds: Record<string, ort.Tensor>,
  options: ort.InferenceSession.SessionOptions = {},
) {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1, ...options });
  try {
    return await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]])));
  } finally {
    await session.release();
  }
}

/** The largest |actual - expected| / max(1, |expected|). */
export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    if (!(error <= largest)) largest = error;
  }
  return largest;
}
