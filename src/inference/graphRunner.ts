/** Runs an ONNX file's classifier as it is, quantised or fused too: the runtime takes the file's own graph. */
import { MedTextError, words } from '../base/errors';
import { FileWatch } from '../base/fileWatch';
import { readOnnxFile } from '../models/checkpoint/onnxWeights';
import type { DataType } from '../onnx/dataType';
import type { Model } from '../onnx/model';
import { padBatch, type BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import { inBatches, type RunnerOptions, type RunOptions } from './classifierRunner';
import { Session, type Feed } from './session';

export interface GraphRunnerOptions extends RunnerOptions {
  /** The graph itself, or where it lies; absent: in the file that messages name. */
  readonly graph?: Uint8Array | string;
  readonly maxPositions: number;
}

/** One call at a time. */
export class GraphRunner {
  private constructor(
    private readonly session: Session,
    private readonly inputs: readonly { readonly name: string; readonly dataType: DataType }[],
    /** Columns of `logits`. */
    readonly labelCount: number,
    private readonly options: GraphRunnerOptions,
    private readonly watch: FileWatch,
  ) {}

  /**
   * @param model what {@link readOnnxFile} read from `path`: the reader has checked it, external data included.
   * @throws MedTextError CHECKPOINT_MISMATCH when the graph has no `logits`; UNSUPPORTED for an input that is none of a
   * BERT's; RUNTIME.
   */
  static async open(path: string, model: Model, options: GraphRunnerOptions): Promise<GraphRunner> {
    const { graph } = model;
    const logits = graph.outputs.find(({ name }) => name === 'logits');
    if (!logits) {
      throw new MedTextError(
        'CHECKPOINT_MISMATCH',
        words`${path} is an encoder without a classifier (its outputs are ${graph.outputs.map(({ name }) => name).join(', ')}): it gives no labels yet. Fine-tune it first.`,
        { file: path },
      );
    }
    const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
    const odd = inputs.find(({ name, dataType }) => !KNOWN_INPUTS.includes(name) || !/^int(32|64)$/.test(dataType));
    if (odd) {
      throw new MedTextError('UNSUPPORTED', words`${path}: the graph's input "${odd.name}" is none of ${KNOWN_INPUTS.join(', ')} (int64).`, { file: path, input: odd.name }); // prettier-ignore
    }
    // Whoever made the graph decides what it computes: a loop of theirs ends with the process at the latest.
    const sizeBytes = Array.from(graph.initializers.values(), ({ data }) => data.byteLength).reduce((a, b) => a + b, 0);
    const opening = new FileWatch('graph', path, sizeBytes);
    const session = await opening.during(() => Session.create(options.graph ?? path, options));
    const watch = new FileWatch('graph', path, sizeBytes, true);
    const declared = logits.shape.at(-1);
    const runner = new GraphRunner(session, inputs, typeof declared === 'number' ? declared : 0, options, watch);
    if (runner.labelCount > 0) return runner;
    // The file does not say how many labels there are: one empty text tells.
    const probe = { inputIds: Int32Array.of(0, 0), tokenTypeIds: new Int32Array(2), length: 2, truncated: false };
    const { shape } = await runner.output([probe], { batchSize: 1, length: 2 });
    return new GraphRunner(session, inputs, shape.at(-1)!, options, watch);
  }

  /** As ClassifierRunner's. @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY. */
  async logits(examples: readonly EncodedExample[], options: RunOptions = {}): Promise<Float32Array> {
    const run = async ([batch]: readonly (readonly EncodedExample[])[], shape: BatchShape) =>
      (await this.output(batch, shape)).data as Float32Array;
    return inBatches(examples, { columns: this.labelCount, maxPositions: this.options.maxPositions, run }, options);
  }

  async close(): Promise<void> {
    await this.session.release();
  }

  private async output(examples: readonly EncodedExample[], shape: BatchShape) {
    const { padTokenId } = this.options;
    const types = new Set(this.inputs.map(({ dataType }) => dataType));
    const int32 = types.has('int32') ? padBatch(examples, shape, padTokenId, 'int32') : undefined;
    const int64 = types.has('int64') ? padBatch(examples, shape, padTokenId, 'int64') : undefined;
    const feeds = Object.fromEntries(
      this.inputs.map(({ name, dataType }): [string, Feed] => {
        const batch = (dataType === 'int32' ? int32 : int64)!;
        const arrays: Record<string, Feed['data']> = {
          input_ids: batch.inputIds,
          attention_mask: batch.attentionMask,
          token_type_ids: batch.tokenTypeIds,
        };
        return [name, { dataType, shape: [shape.batchSize, shape.length], data: arrays[name] }];
      }),
    );
    return (await this.watch.during(() => this.session.run(feeds))).logits;
  }
}

const KNOWN_INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'];
