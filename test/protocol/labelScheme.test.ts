import assert from 'node:assert/strict';
import { labelScores } from '../../src/inference/labelScores';
import { impliedScores, scoresOf, targetsOf } from '../../src/protocol/labelScheme';
import { labelsFileProblems } from '../../src/protocol/labelsFile';
import labelsSchema from '../../src/protocol/labels.schema.json';
import { recipeProblems, recipeSchema } from '../../src/protocol/recipe';

describe('label scheme', () => {
  it('says what becomes of a raw value', () => {
    const targets = targetsOf({ labels: ['0', 1], label_mapping: { NA: null, ' x ': '1', '0': '1' } });
    assert.deepEqual(['0', '1', 'NA', 'x', '', 'other'].map(targets), ['1', '1', null, '1', undefined, undefined]);
    const inferred = targetsOf({ label_mapping: { a: 'b' } });
    assert.deepEqual(['a', 'c', ''].map(inferred), ['b', 'c', undefined]);
  });

  it('knows no name of JavaScript objects as a value', () => {
    const targets = targetsOf({ labels: ['a', 'b'] });
    assert.deepEqual(['__proto__', 'constructor', 'toString'].map(targets), [undefined, undefined, undefined]);
  });

  it('knows what labels say of likeness by their names, and claims nothing where these do not tell', () => {
    const known: [labels: string[], scores: number[]][] = [
      [
        ['0', '1', '2'],
        [0, 0.5, 1],
      ],
      [
        ['2', '0', '1'],
        [1, 0, 0.5],
      ],
      [
        ['LABEL_0', 'LABEL_1'],
        [0, 1],
      ],
      [
        ['-1', '0.5'],
        [0, 1],
      ],
      [
        ['不同', '相同'],
        [0, 1],
      ],
      [
        ['相同', '不同'],
        [1, 0],
      ],
      [
        ['不相关', '部分相关', '相关'],
        [0, 0.5, 1],
      ],
      [
        ['矛盾', '中立', '蕴含'],
        [0, 0.5, 1],
      ],
      [
        ['entailment', 'neutral', 'contradiction'],
        [1, 0.5, 0],
      ],
      [
        ['Not_Entailment', 'entailment'],
        [0, 1],
      ],
      [
        ['not duplicate', 'DUPLICATE'],
        [0, 1],
      ],
      [
        ['否', '是'],
        [0, 1],
      ],
      [
        ['False', 'True'],
        [0, 1],
      ],
    ];
    for (const [labels, scores] of known) {
      assert.deepEqual(impliedScores(labels), scores, labels.join());
      assert.deepEqual(labelScores(labels, undefined, 'here'), scores);
    }
    const unknown = [['内科', '外科'], ['相同', '相关', '不同'], ['A', 'B'], ['相同'], ['1', '1.0'], ['相同', '其他'], ['正常', '异常', '0']]; // prettier-ignore
    for (const labels of unknown) {
      assert.equal(impliedScores(labels), undefined, labels.join());
      assert.equal(labelScores(labels, undefined, 'here'), undefined);
    }
  });

  it('takes scores that are said before those of names, and none where a label is left out', () => {
    assert.deepEqual(
      scoresOf(['相同', '不同'], (label) => (label === '相同' ? 0.9 : undefined)),
      [0.9, 0],
    );
    assert.equal(
      scoresOf(['A', 'B'], (label) => (label === 'A' ? 1 : undefined)),
      undefined,
    );
    assert.deepEqual(scoresOf(['A', 'B'], (label) => Number(label === 'A')), [1, 0]); // prettier-ignore
  });
});

describe('labels in a file or a recipe', () => {
  it('have the same schema', () => {
    const { labels, label_mapping, label_details } = recipeSchema.definitions.split.properties;
    const fields = labelsSchema.properties;
    assert.deepEqual(
      [fields.labels, fields.label_mapping, fields.label_details],
      [labels, label_mapping, label_details],
    );
    assert.deepEqual(labelsSchema.definitions.labelDetails, recipeSchema.definitions.labelDetails);
    assert.deepEqual(labelsSchema.definitions.column, recipeSchema.definitions.column);
    const split: Record<string, unknown> = recipeSchema.definitions.split.properties;
    for (const [name, field] of Object.entries(labelsSchema.definitions.file.properties)) {
      assert.deepEqual(field, split[name]);
    }
  });

  it('are checked by the same rules', () => {
    const problems = (file: unknown) => labelsFileProblems(file).map(({ pointer }) => pointer);
    assert.deepEqual(problems({ labels: ['a', 'b'], label_mapping: { c: 'b', d: null } }), []);
    assert.deepEqual(problems({ labels: ['a', 'b'], label_mapping: { c: 'e' } }), ['/label_mapping/c']);
    assert.deepEqual(problems({ labels: ['a', 'a'] }), ['/labels']);
    assert.deepEqual(problems({ label_details: { a: { score: 2 } } }), ['/label_details/a/score']);
    assert.deepEqual(problems({ label_details: { a: { color: 'red' } } }), ['/label_details/a/color']);
    assert.deepEqual(problems({ lables: [] }), ['/lables']);
    for (const file of [null, 3, 'x', []]) assert.deepEqual(problems(file), ['']);
  });

  it('are not both in a recipe and in a file it names, and details are of listed labels', () => {
    const problems = (train: object) =>
      recipeProblems({ task: 'regression', model: 'm', dataset: { train: { file: 'f', ...train } } }).map(
        ({ pointer }) => pointer,
      );
    assert.deepEqual(problems({ labels_file: 'a.labels.json' }), []);
    assert.deepEqual(problems({ labels_file: 'a.labels.json', label_mapping: {} }), ['/dataset/train/labels_file']);
    const task = 'text-classification';
    const train = { file: 'f', labels: ['a', 'b'], label_details: { c: {} } };
    assert.deepEqual(
      recipeProblems({ task, model: 'm', dataset: { train } }).map(({ pointer }) => pointer),
      ['/dataset/train/label_details/c'],
    );
  });
});
