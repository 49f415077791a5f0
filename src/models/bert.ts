/**
 * BERT's graph (Devlin et al., 2019; post-LayerNorm), as Hugging Face's BertModel and ModelScope's StructBERT compute
 * it. Node names follow the checkpoint's names.
 */
import type { Value } from '../onnx/graphBuilder';
import type { Operators } from '../onnx/operators';
import { embeddingSizeOf, type EncoderConfig } from './encoderConfig';

export interface EncoderInputs {
  /** int32 [batch, sequence] */
  readonly inputIds: Value;
  /** int32 [batch, sequence]; absent when the model has one token type. */
  readonly tokenTypeIds?: Value;
  /** int32 [batch, sequence], 1 for a token, 0 for padding. */
  readonly attentionMask: Value;
}

/** Drops elements of a value with a probability during training. `site` names the place, for its mask. */
export type Dropout = (x: Value, probability: number, site: string) => Value;

export interface BertOptions {
  /** Gives the graph's value for a parameter of the checkpoint. */
  readonly parameter: (name: string) => Value;
  /**
   * Parameters of like shape, a list of names each, as one value [names, ...shape] each; undefined where they do not lie
   * together. All or none: who gets them does not ask for the single ones.
   */
  readonly joint?: (lists: readonly (readonly string[])[]) => readonly Value[] | undefined;
  readonly dropout?: Dropout;
  /** Stands between the word embeddings, [batch, sequence, embedding], and what is added to them. */
  readonly wordEmbeddings?: (embeddings: Value) => Value;
  /**
   * Stands between the encoder's states, [batch * sequence, hidden], and a head of tokens, which then answers the rows that
   * it gives: those of masked words, say.
   */
  readonly tokens?: (states: Value) => Value;
  /**
   * 'first': only the first token's final state is wanted, so the last layer computes queries, output projection and
   * feed-forward for that row alone (exact; about a twelfth of BERT-base's work).
   */
  readonly rows?: 'all' | 'first';
}

/** The logit that masks padding: its exp() is 0 in every precision, and half precision can represent it. */
const MASKED = -30000;

/**
 * The encoder's last hidden state: [batch * sequence, hidden], or [batch, hidden] of the first tokens with
 * `rows: 'first'`.
 */
export function buildBert(g: Operators, config: EncoderConfig, inputs: EncoderInputs, options: BertOptions): Value {
  return new BertGraph(g, config, inputs, options).encode();
}

/** tanh(dense([CLS])): [batch, hidden] from the first tokens' states. */
export function buildPooler(g: Operators, firstTokens: Value, parameter: BertOptions['parameter']): Value {
  return g.scope('bert.pooler', () => g.tanh(linear(g, firstTokens, 'bert.pooler.dense', parameter)));
}

/**
 * In the pooler's place, the first layer of transformers' RobertaClassificationHead and ElectraClassificationHead:
 * activation(dense(dropout([CLS]))), [batch, hidden].
 */
export function buildHeadLayer(
  g: Operators,
  firstTokens: Value,
  config: EncoderConfig,
  options: BertOptions & { readonly activation: (x: Value) => Value },
): Value {
  return g.scope('bert.pooler', () => {
    const dropped = options.dropout?.(firstTokens, config.classifierDropout, 'bert.pooler') ?? firstTokens;
    return options.activation(linear(g, dropped, 'bert.pooler.dense', options.parameter));
  });
}

/** x W' + b, with PyTorch's [out, in] weights. */
export function linear(g: Operators, x: Value, name: string, parameter: BertOptions['parameter']): Value {
  return g.gemm(x, parameter(`${name}.weight`), parameter(`${name}.bias`), { transB: true });
}

class BertGraph {
  private readonly batch: number;
  private readonly sequence: number;
  private readonly headSize: number;

  constructor(
    private readonly g: Operators,
    private readonly config: EncoderConfig,
    private readonly inputs: EncoderInputs,
    private readonly options: BertOptions,
  ) {
    [this.batch, this.sequence] = inputs.inputIds.shape;
    this.headSize = config.hiddenSize / config.headCount;
  }

  encode(): Value {
    const { g, config } = this;
    let hidden = g.scope('bert.embeddings', () => this.embeddings());
    const mask = g.scope('mask', () => this.additiveMask());
    for (let index = 0; index < config.layerCount; index++) {
      const onlyFirst = this.options.rows === 'first' && index === config.layerCount - 1;
      hidden = this.layer(`bert.encoder.layer.${index}`, hidden, mask, onlyFirst);
    }
    return hidden;
  }

  /** Word + position + token type, normalised, and widened where they are narrower: [batch * sequence, hidden]. */
  private embeddings(): Value {
    const { g, config, inputs } = this;
    const name = 'bert.embeddings';
    const read = g.gather(this.parameter(`${name}.word_embeddings.weight`), inputs.inputIds);
    const words = this.options.wordEmbeddings?.(read) ?? read;
    const first = config.positionOffset;
    const positions = g.slice(
      this.parameter(`${name}.position_embeddings.weight`),
      [first],
      [first + this.sequence],
      [0],
    );
    let sum = g.add(words, positions); // [batch, sequence, embedding]
    if (config.typeVocabSize > 0) {
      const types = this.parameter(`${name}.token_type_embeddings.weight`);
      const typeIds = inputs.tokenTypeIds;
      sum = g.add(sum, typeIds ? g.gather(types, typeIds) : g.slice(types, [0], [1], [0]));
    }
    const width = embeddingSizeOf(config);
    const rows = g.reshape(sum, [this.batch * this.sequence, width]);
    const dropped = this.dropout(this.layerNorm(rows, `${name}.LayerNorm`), config.hiddenDropout, name);
    return width === config.hiddenSize ? dropped : linear(g, dropped, 'bert.embeddings_project', this.parameter);
  }

  /** 0 for tokens, MASKED for padding: [batch, 1, 1, sequence]. */
  private additiveMask(): Value {
    const { g } = this;
    const mask = g.cast(g.reshape(this.inputs.attentionMask, [this.batch, 1, 1, this.sequence]), 'float32');
    return g.mul(g.sub(1, mask), MASKED);
  }

  private layer(name: string, hidden: Value, mask: Value, onlyFirst: boolean): Value {
    const { g, config } = this;
    const queried = onlyFirst ? this.firstTokens(hidden) : hidden;
    const context = g.scope(`${name}.attention.self`, () =>
      this.attention(`${name}.attention.self`, hidden, queried, mask),
    );
    const attended = g.scope(`${name}.attention.output`, () => {
      const projected = linear(g, context, `${name}.attention.output.dense`, this.parameter);
      const dropped = this.dropout(projected, config.hiddenDropout, `${name}.attention.output`);
      return this.layerNorm(g.add(dropped, queried), `${name}.attention.output.LayerNorm`);
    });
    const widened = g.scope(`${name}.intermediate`, () =>
      this.activation(linear(g, attended, `${name}.intermediate.dense`, this.parameter)),
    );
    return g.scope(`${name}.output`, () => {
      const narrowed = linear(g, widened, `${name}.output.dense`, this.parameter);
      const dropped = this.dropout(narrowed, config.hiddenDropout, `${name}.output`);
      return this.layerNorm(g.add(dropped, attended), `${name}.output.LayerNorm`);
    });
  }

  /** softmax(Q K' / sqrt(d) + mask) V over the heads: [rows of `queried`, hidden]. */
  private attention(name: string, hidden: Value, queried: Value, mask: Value): Value {
    const { g, batch, headSize, config } = this;
    const queries = queried.shape[0] / batch; // 1 or the sequence's length
    const { query, key, value } = this.jointHeads(name, hidden, queried) ?? this.heads(name, hidden, queried);
    const scores = g.mul(g.matMul(query, key), 1 / Math.sqrt(headSize)); // [batch, heads, queries, sequence]
    const probabilities = this.dropout(g.softmax(g.add(scores, mask)), config.attentionDropout, name);
    const context = g.transpose(g.matMul(probabilities, value), [0, 2, 1, 3]);
    return g.reshape(context, [batch * queries, config.hiddenSize]);
  }

  /** [batch, heads, queries, d], [batch, heads, d, sequence] and [batch, heads, sequence, d]. */
  private heads(name: string, hidden: Value, queried: Value): Record<'query' | 'key' | 'value', Value> {
    const { g, batch, headSize, config } = this;
    const projected = (kind: string, x: Value, permutation: readonly number[]) => {
      const rows = linear(g, x, `${name}.${kind}`, this.parameter);
      return g.transpose(g.reshape(rows, [batch, x.shape[0] / batch, config.headCount, headSize]), permutation);
    };
    return {
      query: projected('query', queried, [0, 2, 1, 3]),
      key: projected('key', hidden, [0, 2, 3, 1]),
      value: projected('value', hidden, [0, 2, 1, 3]),
    };
  }

  /** Q, K and V by one product of three times the width; undefined where their parameters do not lie together. */
  private jointHeads(name: string, hidden: Value, queried: Value): ReturnType<BertGraph['heads']> | undefined {
    if (queried !== hidden) return undefined;
    const { g, batch, sequence, headSize, config } = this;
    const kinds = ['query', 'key', 'value'];
    const namesOf = (part: string) => kinds.map((kind) => `${name}.${kind}.${part}`);
    const joint = this.options.joint?.([namesOf('weight'), namesOf('bias')]);
    if (!joint) return undefined;
    const width = kinds.length * config.hiddenSize;
    const [weight, bias] = [g.reshape(joint[0], [width, config.hiddenSize]), g.reshape(joint[1], [width])];
    const rows = g.gemm(hidden, weight, bias, { transB: true });
    const apart = g.reshape(rows, [batch, sequence, kinds.length, config.headCount, headSize]);
    const parts = g.split(g.transpose(apart, [2, 0, 3, 1, 4]), kinds.length, 0);
    const [query, key, value] = parts.map((part) => g.reshape(part, [batch, config.headCount, sequence, headSize]));
    return { query, key: g.transpose(key, [0, 1, 3, 2]), value };
  }

  /** The rows of the first tokens: [batch, hidden]. */
  private firstTokens(hidden: Value): Value {
    const { g, batch, sequence, config } = this;
    const first = g.slice(g.reshape(hidden, [batch, sequence, config.hiddenSize]), [0], [1], [1]);
    return g.reshape(first, [batch, config.hiddenSize]);
  }

  private activation(x: Value): Value {
    switch (this.config.activation) {
      case 'gelu':
        return this.g.gelu(x);
      case 'gelu_new':
        return this.g.gelu(x, 'tanh');
      case 'relu':
        return this.g.relu(x);
    }
  }

  private layerNorm(x: Value, name: string): Value {
    return this.g.layerNormalization(
      x,
      this.parameter(`${name}.weight`),
      this.parameter(`${name}.bias`),
      this.config.layerNormEps,
    );
  }

  private dropout(x: Value, probability: number, site: string): Value {
    return this.options.dropout?.(x, probability, site) ?? x;
  }

  private readonly parameter = (name: string): Value => this.options.parameter(name);
}
