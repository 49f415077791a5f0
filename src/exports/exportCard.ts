/** The README.md of an exported model that has none: inputs, outputs, and how to load the model. */
import { basename } from 'node:path';
import { isObject } from '../models/configJson';
import type { ModelFolder } from '../models/modelFolder';
import type { ModelFormat } from '../protocol/modelFormat';
import { definitionOf } from '../tasks/definitions';
import { findTask, secondTextOf, type SecondText } from '../protocol/tasks';

/** The front matter for the model hubs, then the card. The card names no folder of this machine. */
export function renderExportCard(folder: ModelFolder, format: ModelFormat): string {
  const { config, labels } = folder;
  const name = basename(folder.path);
  const isClassifier = labels !== undefined && format !== 'sentence-transformers';
  const library = format === 'sentence-transformers' ? format : format.startsWith('onnx') ? 'onnx' : 'transformers';
  const task =
    format === 'sentence-transformers'
      ? 'sentence-similarity'
      : isClassifier
        ? pipelineTag(folder)
        : encoderTag(folder);
  const sections = [
    `---\nlanguage: zh\nlibrary_name: ${library}\npipeline_tag: ${task}\ntags:\n- medical\n- chinese\n- medtext-lab\n---`,
    `# ${name.replace(/[`\\[\]<>*_#|]/g, ' ')}`,
    `A BERT-family encoder of ${config.layerCount} layers with hidden size ${config.hiddenSize}, with a vocabulary of ${config.vocabSize} tokens, written by MedText Lab. Its training data and its licence are those of the model it was made from; add them before you publish it.`,
    `## Use\n\n${usage(format, folder)}`,
    ...(isClassifier ? [labelTable(labels)] : []),
    ...(isClassifier ? [inputs(folder)] : []),
    '## Limits\n\nNot a medical device. Check its predictions on your own data before you rely on them.',
  ];
  return `${sections.join('\n\n')}\n`;
}

const FILES = { onnx: 'model.onnx', 'onnx-fp16': 'model_fp16.onnx', 'onnx-int8': 'model_int8.onnx' } as const;
/** The names of precisions in transformers.js. */
const DTYPES = { onnx: 'fp32', 'onnx-fp16': 'fp16', 'onnx-int8': 'int8' } as const;
const NOTES = {
  onnx: 'float32',
  'onnx-fp16': 'float16 weights and values, LayerNormalization and Softmax in float32',
  'onnx-int8': 'dynamic quantisation: int8 weights with one scale per output, activations quantised at run time',
} as const;

const usageOf = ({ rawConfig }: Pick<ModelFolder, 'rawConfig'>) =>
  isObject(rawConfig.medtext) ? rawConfig.medtext : {};
const readsTexts = ({ head }: Pick<ModelFolder, 'head'>): boolean => head.classSuffix === 'ForSequenceClassification';

/** The hubs' name for the task that the folder names, otherwise for that of its head. */
function pipelineTag(folder: ModelFolder): string {
  const task = findTask(usageOf(folder).task);
  if (task) return definitionOf(task.id).card.pipelineTag;
  return readsTexts(folder) ? 'text-classification' : 'token-classification';
}

/** The hubs' name for an encoder: whether config.json names a class that fills in masked words. */
function encoderTag({ rawConfig: { architectures } }: ModelFolder): string {
  const classes = Array.isArray(architectures) ? architectures.map(String) : [];
  return classes.some((name) => /For(MaskedLM|PreTraining)$/.test(name)) ? 'fill-mask' : 'feature-extraction';
}

function usage(format: ModelFormat, folder: ModelFolder): string {
  const { config, head, labels } = folder;
  // Of an encoder without a head, a class of classifiers would draw one at random.
  const auto = `AutoModel${(labels && head.classSuffix) ?? ''}`;
  const output = labels ? 'logits' : 'last_hidden_state';
  const second = secondTextIn(folder);
  const texts = !readsTexts(folder) ? '"患者因急性阑尾炎入院"' : second === 'none' || !labels ? '"肺炎怎么治疗"' : '"肺炎怎么治疗", "肺炎的治疗方法"'; // prettier-ignore
  const axes = head.output((labels ?? []).length).axes.map((axis) => ({ rows: 'batch', length: 'sequence' })[axis as string] ?? 'labels').join(', '); // prettier-ignore
  switch (format) {
    case 'sentence-transformers':
      return '```python\nfrom sentence_transformers import SentenceTransformer\n\nembeddings = SentenceTransformer("path/to/this/folder").encode(["肺炎怎么治疗", "肺炎的治疗方法"])\n```';
    case 'huggingface':
    case 'modelscope':
      return `\`\`\`python\nfrom transformers import ${auto}, AutoTokenizer\n\ntokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")\nmodel = ${auto}.from_pretrained("path/to/this/folder")\n${output} = model(**tokenizer(${texts}, return_tensors="pt")).${output}\n\`\`\``;
    default:
      return `\`${FILES[format]}\` (${NOTES[format]}): ${config.typeVocabSize > 1 ? '`input_ids`, `attention_mask` and `token_type_ids`' : '`input_ids` and `attention_mask`'}, int64 [batch, sequence], to \`logits\`, float32 [${axes}].\n\n\`\`\`python\nimport onnxruntime\n\nsession = onnxruntime.InferenceSession("${FILES[format]}")\nlogits = session.run(["logits"], inputs)[0]\n\`\`\`\n\n\`\`\`js\nimport { ${auto} } from '@huggingface/transformers';\n\nconst options = { subfolder: '', dtype: '${DTYPES[format]}' };\nconst model = await ${auto}.from_pretrained('path/to/this/folder', options);\n\`\`\``;
  }
}

function labelTable(labels: readonly string[]): string {
  const cell = (label: string) => label.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const rows = labels.map((label, id) => `| ${id} | ${cell(label)} |`);
  return ['## Labels', '', '| id | label |', '| ---: | --- |', ...rows].join('\n');
}

const TEXTS: Readonly<Record<SecondText, string>> = {
  required: 'Pairs of texts',
  optional: 'A text, or a pair of texts where it was trained on pairs',
  none: 'A text',
};

function inputs(folder: ModelFolder): string {
  const { max_length: length, clean } = usageOf(folder);
  const cleaning = Array.isArray(clean) && clean.length > 0 ? ` Texts were cleaned before they were read (${clean.map((one) => `\`${String(one)}\``).join(', ')}, in this order); MedText Lab does so with this folder, other programs have to do it themselves.` : ''; // prettier-ignore
  const longer = readsTexts(folder)
    ? 'longer ones were cut, the longer text first'
    : 'MedText Lab reads longer ones in overlapping windows, other programs may cut them';
  return `## Inputs\n\n${TEXTS[secondTextIn(folder)]}, at most ${typeof length === 'number' ? length : folder.config.maxPositions} tokens; ${longer}.${cleaning}`;
}

/** Whether the model reads a second text, by the task that the folder names. */
function secondTextIn(folder: ModelFolder): SecondText {
  const { task: name, reads_pairs: readsPairs } = usageOf(folder);
  const task = findTask(name);
  return task ? secondTextOf(task, readsPairs) : readsTexts(folder) ? 'optional' : 'none';
}
