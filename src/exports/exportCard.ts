/** The README.md of an exported model that came without one: what it takes, what it gives, how to open it. */
import { basename } from 'node:path';
import { isObject } from '../models/configJson';
import type { ModelFolder } from '../models/modelFolder';
import type { ModelFormat } from '../protocol/modelFormat';

/** Front matter as the model hubs read it, then the card. It names no folder of this machine. */
export function renderExportCard(folder: ModelFolder, format: ModelFormat): string {
  const { config, labels } = folder;
  const name = basename(folder.path);
  const isClassifier = labels !== undefined && format !== 'sentence-transformers';
  const library = format === 'sentence-transformers' ? format : format.startsWith('onnx') ? 'onnx' : 'transformers';
  const task =
    format === 'sentence-transformers' ? 'sentence-similarity' : isClassifier ? pipelineTag(folder) : 'fill-mask';
  const sections = [
    `---\nlanguage: zh\nlibrary_name: ${library}\npipeline_tag: ${task}\ntags:\n- medical\n- chinese\n- medtext-lab\n---`,
    `# ${name.replace(/[`\\[\]<>*_#|]/g, ' ')}`,
    `A BERT-family encoder of ${config.layerCount} layers, ${config.hiddenSize} wide, with a vocabulary of ${config.vocabSize} tokens, written by MedText Lab. Its training data and its licence are those of the model it was made from; add them before you publish it.`,
    `## Use\n\n${usage(format, folder)}`,
    ...(isClassifier ? [labelTable(labels)] : []),
    ...(isClassifier ? [inputs(folder)] : []),
    '## Limits\n\nNot a medical device. Check its answers on data of your own before anybody relies on them.',
  ];
  return `${sections.join('\n\n')}\n`;
}

const FILES = { onnx: 'model.onnx', 'onnx-fp16': 'model_fp16.onnx', 'onnx-int8': 'model_int8.onnx' } as const;
/** As transformers.js calls them. */
const DTYPES = { onnx: 'fp32', 'onnx-fp16': 'fp16', 'onnx-int8': 'int8' } as const;
const NOTES = {
  onnx: 'float32',
  'onnx-fp16': 'float16 weights and values, LayerNormalization and Softmax in float32',
  'onnx-int8': 'dynamic quantisation: int8 weights with one scale an output, activations quantised as they come',
} as const;

/** The hubs' name of what the head does: by transformers' class for it. */
const pipelineTag = ({ head }: ModelFolder): string =>
  head.classSuffix === 'ForSequenceClassification' ? 'text-classification' : 'token-classification';

function usage(format: ModelFormat, { config, head, labels = [] }: ModelFolder): string {
  const auto = `AutoModel${head.classSuffix ?? ''}`;
  const texts =
    head.classSuffix === 'ForSequenceClassification' ? '"肺炎怎么治疗", "肺炎的治疗方法"' : '"患者因急性阑尾炎入院"';
  const axes = head.output(labels.length).axes.map((axis) => ({ rows: 'batch', length: 'sequence' })[axis as string] ?? 'labels').join(', '); // prettier-ignore
  switch (format) {
    case 'sentence-transformers':
      return '```python\nfrom sentence_transformers import SentenceTransformer\n\nembeddings = SentenceTransformer("path/to/this/folder").encode(["肺炎怎么治疗", "肺炎的治疗方法"])\n```';
    case 'huggingface':
    case 'modelscope':
      return `\`\`\`python\nfrom transformers import ${auto}, AutoTokenizer\n\ntokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")\nmodel = ${auto}.from_pretrained("path/to/this/folder")\nlogits = model(**tokenizer(${texts}, return_tensors="pt")).logits\n\`\`\``;
    default:
      return `\`${FILES[format]}\` (${NOTES[format]}): ${config.typeVocabSize > 1 ? '`input_ids`, `attention_mask` and `token_type_ids`' : '`input_ids` and `attention_mask`'}, int64 [batch, sequence], to \`logits\`, float32 [${axes}].\n\n\`\`\`python\nimport onnxruntime\n\nsession = onnxruntime.InferenceSession("${FILES[format]}")\nlogits = session.run(["logits"], inputs)[0]\n\`\`\`\n\n\`\`\`js\nimport { ${auto} } from '@huggingface/transformers';\n\nconst options = { subfolder: '', dtype: '${DTYPES[format]}' };\nconst model = await ${auto}.from_pretrained('path/to/this/folder', options);\n\`\`\``;
  }
}

function labelTable(labels: readonly string[]): string {
  const cell = (label: string) => label.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const rows = labels.map((label, id) => `| ${id} | ${cell(label)} |`);
  return ['## Labels', '', '| id | label |', '| ---: | --- |', ...rows].join('\n');
}

function inputs({ rawConfig, config, head }: ModelFolder): string {
  const { task, max_length: length } = isObject(rawConfig.medtext) ? rawConfig.medtext : {};
  const texts = task === 'sentence-similarity' ? 'Pairs of texts' : head.classSuffix !== 'ForSequenceClassification' ? 'A text' : 'A text, or a pair of texts where it was trained on pairs'; // prettier-ignore
  return `## Inputs\n\n${texts}, at most ${typeof length === 'number' ? length : config.maxPositions} tokens; longer ones were cut, the longer text first.`;
}
