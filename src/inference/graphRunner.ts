/** Runs the classifier of an ONNX file by the file's own graph, which may be quantised or fused. */
import { MedTextError, words } from '../base/errors';
import { FileWatch } from '../base/fileWatch';
import type { NetworkOutput } from '../models/heads/head';
import type { DataType } from '../onnx/dataType';
import { weightBytes, type LaterTensor, type Model, type Tensor } from '../onnx/model';
import type { BatchShape } from '../tokenization/batchEncoding';
import type { EncodedExample } from '../tokenization/tokenizer';
import { eachInBatches, gathered, type EachOutput, type RunOptions } from './classifierRunner';
import { graphFeeds, graphInputs, type GraphInput } from './graphInputs';
import { inFloat32 } from './graphOutputs';
import { readsPadding } from './paddingProbe';
import { Session, type SessionOptions } from './session';

export interface GraphRunnerOptions extends SessionOptions {
  readonly padTokenId: number;
  /** The bytes of the graph, or its path. Absent: the graph is in the file that messages name. */
  readonly graph?: Uint8Array | string;
  /** The axes of `logits`, given the number of its columns. */
  readonly output: (columns: number) => Pick<NetworkOutput, 'axes'>;
  readonly maxPositions: number;
  readonly vocabSize: number;
  /** Whether outputs depend on padding. Each text is then computed at its own length. Absent: the runner finds out. */
  readonly exactLengths?: boolean;
}

/** Calls may overlap, because each batch is one run. */
export class GraphRunner {
  readonly callsMayOverlap = true;

  private constructor(
    private readonly session: Session,
    private readonly inputs: readonly GraphInput[],
    /** The number of columns of `logits`. */
    readonly labelCount: number,
    private readonly options: GraphRunnerOptions,
    private readonly watch: FileWatch,
    /** The type in which the graph gives `logits`. */
    private readonly dataType: DataType,
  ) {}

  /**
   * Opens the file's graph.
   * @param model the model that `readOnnxFile` read from `path`; the reader has checked it and its external data.
   * @throws MedTextError CHECKPOINT_MISMATCH when the graph has no `logits`; UNSUPPORTED for an input that a BERT does
   * not have; RUNTIME.
   */
  static async open(
    path: string,
    model: Model<Tensor | LaterTensor>,
    options: GraphRunnerOptions,
  ): Promise<GraphRunner> {
    const { graph } = model;
    const logits = graph.outputs.find(({ name }) => name === 'logits');
    if (!logits) {
      throw new MedTextError(
        'CHECKPOINT_MISMATCH',
        words`${path} is an encoder without a classifier (its outputs are ${graph.outputs.map(({ name }) => name).join(', ')}): it gives no labels yet. Fine-tune it first.`,
        { file: path },
      );
    }
    const inputs = graphInputs(model, path);
    // The graph comes from a stranger and may loop forever. The loop ends with the process at the latest.
    const sizeBytes = weightBytes(model);
    const opening = new FileWatch('graph', path, sizeBytes);
    const session = await opening.during(() => Session.create(options.graph ?? path, options));
    const watch = new FileWatch('graph', path, sizeBytes, true);
    const { padTokenId, vocabSize } = options;
    const exactLengths =
      options.exactLengths ??
      (await watch.during(() => readsPadding(session, model, 'logits', path, { padTokenId, vocabSize })));
    const known = { ...options, exactLengths };
    const axis = options.output(1).axes.findIndex((size, at) => at > 0 && typeof size === 'number');
    const declared = logits.shape[axis];
    const runner = new GraphRunner(session, inputs, typeof declared === 'number' ? declared : 0, known, watch, logits.dataType); // prettier-ignore
    if (runner.labelCount > 0) return runner;
    // The file does not give the number of labels, so one empty text is computed.
    const probe = { inputIds: Int32Array.of(0, 0), tokenTypeIds: new Int32Array(2), length: 2, truncated: false };
    const { shape } = await runner.output([probe], { batchSize: 1, length: 2 });
    return new GraphRunner(session, inputs, shape[axis], known, watch, logits.dataType);
  }

  /** See ClassifierRunner.logits. @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY. */
  async logits(examples: readonly EncodedExample[], options: RunOptions = {}): Promise<Float32Array> {
    return gathered(examples.length, this.labelCount, (each) => this.outputs(examples, each, options));
  }

  /** See ClassifierRunner.outputs. @throws MedTextError CANCELLED, RUNTIME, OUT_OF_MEMORY. */
  async outputs(examples: readonly EncodedExample[], each: EachOutput, options: RunOptions = {}): Promise<void> {
    const run = async ([batch]: readonly (readonly EncodedExample[])[], shape: BatchShape) =>
      inFloat32((await this.output(batch, shape)).data, this.dataType);
    const { maxPositions, exactLengths } = this.options;
    const { output } = this.options;
    await eachInBatches(examples, { output: output(this.labelCount), maxPositions, exactLengths, run }, each, options);
  }

  async close(): Promise<void> {
    await this.session.release();
  }

  private async output(examples: readonly EncodedExample[], shape: BatchShape) {
    const feeds = graphFeeds(this.inputs, examples, shape, this.options.padTokenId);
    return (await this.watch.during(() => this.session.run(feeds))).logits;
  }
}
