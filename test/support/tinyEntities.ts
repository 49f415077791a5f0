/** Sentences with entities, and an encoder without weights that knows their characters: seconds of training. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Marked {
  readonly text: string;
  readonly entities: { start_idx: number; end_idx: number; type: string; entity: string }[];
}

const WORDS = { 疾病: ['肺炎', '胃溃疡', '糖尿病'], 药物: ['青霉素', '胰岛素', '布洛芬'], 症状: ['头痛', '发热'] };
const FRAMES = ['患者有症状，诊断为疾病。', '疾病可用药物治疗。', '服药物后症状消失', '𠀀疾病伴症状，予药物。'];

/** Sentences with every word in every frame, so that a frame does not reveal a word's type. */
export function tinySentences(): Marked[] {
  const rows: Marked[] = [];
  for (let i = 0; i < 60; i++) {
    let text = '';
    const entities: Marked['entities'] = [];
    // Offsets count characters, as in Python.
    for (const part of FRAMES[i % FRAMES.length].split(/(疾病|药物|症状)/)) {
      const words = WORDS[part as keyof typeof WORDS] as string[] | undefined;
      const said = words ? words[(i * 7 + rows.length * 3 + entities.length) % words.length] : part;
      const start = [...text].length;
      if (words) entities.push({ start_idx: start, end_idx: start + said.length - 1, type: part, entity: said });
      text += said;
    }
    rows.push({ text, entities });
  }
  return rows;
}

/** Writes the folder `encoder` and the file `data.jsonl`. */
export function writeTinyEntities(folder: string, rows: readonly Marked[]): void {
  mkdirSync(join(folder, 'encoder'));
  const characters = new Set(rows.flatMap(({ text }) => [...text]));
  const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...characters];
  writeFileSync(join(folder, 'encoder/vocab.txt'), `${vocabulary.join('\n')}\n`);
  const config = { model_type: 'bert', vocab_size: vocabulary.length, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 64, max_position_embeddings: 64, initializer_range: 0.1 }; // prettier-ignore
  writeFileSync(join(folder, 'encoder/config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'data.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
