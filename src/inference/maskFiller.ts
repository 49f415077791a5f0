/** Fills in masked words with the head of BertForMaskedLM, RobertaForMaskedLM or ElectraForMaskedLM (a generator). */
import { MedTextError, words } from '../base/errors';
import { buildBert } from '../models/bert';
import type { ModelFamily } from '../models/configJson';
import type { EncoderConfig } from '../models/encoderConfig';
import { buildMaskedLanguage, HEAD_NAMES, maskedLanguageSpecs } from '../models/heads/maskedLanguage';
import { openModelFolder, readTokenizerFiles, type ModelFolder } from '../models/modelFolder';
import { encoderParameterSpecs, MASKED_LM_HEAD } from '../models/parameterNames';
import { loadTokenizer, type EncodedExample, type Tokenizer } from '../tokenization/tokenizer';
import { assertFiniteOutputs } from './classifierRunner';
import { encoderFeeds } from './packedNetwork';
import { lacksWeights, PackedSession, type OpenNetwork } from './packedSession';

export interface FilledMask {
  /** The tokens, the most likely first. */
  readonly tokens: readonly { readonly text: string; readonly probability: number }[];
}

export interface MaskFillerOptions {
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** Runs on the CPU, one text and one call at a time. */
export class MaskFiller {
  private tokenizer: Tokenizer | undefined;

  private constructor(
    private readonly folder: ModelFolder,
    private readonly session: PackedSession,
  ) {}

  /**
   * Opens a model folder. @throws MedTextError MODEL_CONFIG for a model without such a head; the errors of {@link
   * PackedSession.open}.
   */
  static async open(path: string, options: MaskFillerOptions = {}): Promise<MaskFiller> {
    const folder = await openModelFolder(path);
    if (folder.notBuildable) throw folder.notBuildable;
    if (folder.weightsPath === undefined) throw lacksWeights(folder, []);
    const { config } = folder;
    const encoder = encoderParameterSpecs(config).filter(({ name }) => !name.includes('.pooler.'));
    for (const head of Object.keys(HEAD_NAMES) as ModelFamily[]) {
      const specs = [...encoder, ...maskedLanguageSpecs(head, config)];
      const network = { specs, build: maskedLm(config, head), further: MASKS };
      const session = await PackedSession.open(folder, network, options);
      if (session instanceof PackedSession) return new MaskFiller(folder, session);
      if (session.some(({ name }) => MASKED_LM_HEAD.test(name))) continue;
      throw lacksWeights(folder, session);
    }
    throw new MedTextError(
      'MODEL_CONFIG',
      words`${folder.path} has no masked-language-model head: it cannot fill in masked words.`,
      { file: folder.path },
    );
  }

  /**
   * The most likely tokens for each mask token of the text, in the text's order.
   * @throws MedTextError USAGE for a text without a mask, or with one that is cut off; TOKENIZER;
   * RUNTIME; DIVERGED.
   */
  async fill(text: string, top: number): Promise<FilledMask[]> {
    const tokenizer = (this.tokenizer ??= loadTokenizer(await readTokenizerFiles(this.folder), this.folder.path));
    const { mask } = tokenizer.specialIds;
    const { maxPositions } = this.folder.config;
    const example = tokenizer.encodePair(text, undefined, maxPositions);
    const positions = [...example.inputIds].flatMap((id, at) => (id === mask ? [at] : []));
    if (example.truncated && tokenizer.ids(text).filter((id) => id === mask).length > positions.length) {
      throw new MedTextError(
        'USAGE',
        words`The text is longer than the ${maxPositions} tokens that the model reads, and a ${tokenizer.specialTokens.mask} is cut off with the rest. Shorten the text.`,
        { maxPositions },
      );
    }
    if (positions.length === 0) {
      throw new MedTextError('USAGE', words`Write ${tokenizer.specialTokens.mask} where a word is to be filled in.`);
    }
    const logits = await this.logits(example, positions);
    assertFiniteOutputs(logits, 0);
    const { vocabSize } = this.folder.config;
    return positions.map((_, i) => ({
      tokens: likeliest(logits.subarray(i * vocabSize, (i + 1) * vocabSize), top).map(([id, probability]) => ({
        text: tokenizer.tokenText(id),
        probability,
      })),
    }));
  }

  /** The logits [positions, vocabulary] of one example. */
  async logits(example: EncodedExample, positions: readonly number[]): Promise<Float32Array> {
    const shape = { batchSize: 1, length: example.length };
    const { logits } = await this.session.run({
      ...encoderFeeds([example], shape, this.folder.config.padTokenId),
      positions: { dataType: 'int32', shape: [positions.length], data: Int32Array.from(positions) },
    });
    return logits.data as Float32Array;
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

const MASKS = { size: 'masks', input: 'positions', axis: 0 };

/** The graph that applies the head to the rows of masks alone. Its output is [masks, vocabulary]. */
function maskedLm(config: EncoderConfig, head: ModelFamily): OpenNetwork['build'] {
  return (g, inputs, parameter, { masks }) => {
    const positions = g.input('positions', 'int32', [masks]);
    const masked = g.gather(buildBert(g, config, inputs, { parameter }), positions); // [masks, hidden]
    g.output(buildMaskedLanguage(g, masked, head, config, parameter), 'logits');
  };
}

/** The [id, probability] pairs of the largest logits. */
function likeliest(logits: Float32Array, top: number): [number, number][] {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, top);
  return order.map((id) => [id, Math.exp(logits[id] - most) / sum]);
}
