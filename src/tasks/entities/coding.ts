import type { Entity } from '../../data/entities/entity';
import type { ResolvedRecipe } from '../../protocol/recipe';
import type { OutputObjective } from '../objective';
import type { FoundEntity } from './tagging';
import type { TextWindow, WindowedText } from './windows';

/** One text's outputs, window after window, as its entities. */
export interface TextReading {
  /** @param output of the window without padding; good until the next call */
  take(window: TextWindow, target: unknown, output: Float32Array): void;
  /** In the order of the text. */
  entities(): readonly FoundEntity[];
  /** Summed over what the text's loss is a mean of, and how much that is. */
  readonly loss: { readonly sum: number; readonly weight: number };
}

/** How entities are what a head answers: one coding a head. */
export interface EntityCoding<Target = unknown> {
  /** Whether entities may lie in one another. */
  readonly nested: boolean;
  columnsOf(types: readonly string[]): readonly string[];
  /** @throws MODEL_CONFIG for names that are no such columns */
  typesOf(columns: readonly string[], where: string): readonly string[];
  /**
   * What the windows of a text learn.
   * @param entities in the order of the text; undefined where nobody knows
   */
  targets(text: WindowedText, entities: readonly Entity[] | undefined, columns: readonly string[]): readonly Target[];
  objective(of: {
    readonly recipe: ResolvedRecipe;
    readonly columns: readonly string[];
    /** The entities of each text. */
    readonly entities: readonly (readonly Entity[])[];
  }): OutputObjective<Target>;
  reading(text: WindowedText, columns: readonly string[]): TextReading;
}
