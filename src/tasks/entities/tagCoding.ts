import { tokenCrossEntropy } from '../losses/tokenCrossEntropy';
import type { EntityCoding, TextReading } from './coding';
import { decodeTags, encodeTags, NO_TAG, tagNames, tagSetOf, type TagSet } from './tagging';
import type { TextWindow, WindowedText } from './windows';

/**
 * A tag for each token: B of an entity's first one, I of the others, O of what is none. Every token has one, pieces of words,
 * too: in Chinese nearly every token is a character, and transformers' pipelines read every token. Of tokens that two windows
 * have, only the window that owns them learns and answers.
 */
export const tagCoding: EntityCoding<Int32Array> = {
  nested: false,
  columnsOf: tagNames,
  typesOf: (columns, where) => tagSetOf(columns, where).types,
  targets(text, entities, columns) {
    const tags = entities && encodeTags(entities, text, tagSetOf(columns, '')).columns;
    return text.windows.map((window) => targetOf(window, tags));
  },
  objective: ({ recipe, columns }) =>
    tokenCrossEntropy({ columns: columns.length, labelSmoothing: recipe.train.label_smoothing }),
  reading: (text, columns) => new TagReading(text, tagSetOf(columns, '')),
};

/** [length] the column of each token of the window that it owns, else {@link NO_TAG}. */
function targetOf(
  { encoded, lead, first, ownedFirst, ownedEnd }: TextWindow,
  tags: Int32Array | undefined,
): Int32Array {
  const target = new Int32Array(encoded.length).fill(NO_TAG);
  for (let token = ownedFirst; tags && token < ownedEnd; token++) target[lead + token - first] = tags[token];
  return target;
}

class TagReading implements TextReading {
  readonly loss = { sum: 0, weight: 0 };
  /** [tokens] */
  private readonly tags: Int32Array;
  private readonly probabilities: Float32Array;

  constructor(
    private readonly text: WindowedText,
    private readonly set: TagSet,
  ) {
    this.tags = new Int32Array(text.starts.length);
    this.probabilities = new Float32Array(text.starts.length);
  }

  /** @param output logits [length, columns] */
  take({ lead, first, ownedFirst, ownedEnd }: TextWindow, target: Int32Array, output: Float32Array): void {
    const columns = this.set.tags.length;
    for (let token = ownedFirst; token < ownedEnd; token++) {
      const place = lead + token - first;
      const logits = output.subarray(place * columns, (place + 1) * columns);
      const best = logits.reduce((most, logit, column) => (logit > logits[most] ? column : most), 0);
      const normaliser = logits.reduce((sum, logit) => sum + Math.exp(logit - logits[best]), 0);
      this.tags[token] = best;
      this.probabilities[token] = 1 / normaliser;
      if (target[place] === NO_TAG) continue;
      this.loss.sum += Math.log(normaliser) + logits[best] - logits[target[place]];
      this.loss.weight++;
    }
  }

  entities() {
    return decodeTags(this.tags, this.probabilities, this.text, this.set).entities;
  }
}
