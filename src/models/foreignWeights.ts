/** Weights of other frameworks, told by their files' names: refused by name, since without weights a training begins at random. */
import { MedTextError, words } from '../base/errors';
import type { Words } from '../base/words';

interface ForeignKind {
  readonly pattern: RegExp;
  readonly what: Words;
  /** How to convert such weights to a form that this program reads. */
  readonly advice: Words;
}

const BY_TRANSFORMERS_4 = (flag: string) =>
  words`Convert it with transformers 4: AutoModel.from_pretrained(folder, ${flag}).save_pretrained(output), which writes model.safetensors.`;

const KINDS: readonly ForeignKind[] = [
  {
    pattern: /^adapter_(model\.(safetensors|bin)|config\.json)$/,
    what: words`an adapter of PEFT (LoRA)`,
    advice: words`Merge it into its base model: AutoPeftModel.from_pretrained(folder).merge_and_unload().save_pretrained(output) of Python's peft.`,
  },
  {
    pattern: /\.ckpt\.(index|data-\d+-of-\d+)$/,
    what: words`a checkpoint of TensorFlow`,
    advice: words`Convert it with transformers 4 and TensorFlow: python -m transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch --tf_checkpoint_path … --bert_config_file … --pytorch_dump_path pytorch_model.bin.`,
  },
  {
    pattern: /^tf_model.*\.h5(\.index\.json)?$/,
    what: words`TensorFlow's weights`,
    advice: BY_TRANSFORMERS_4('from_tf=True'),
  },
  {
    pattern: /^flax_model.*\.msgpack(\.index\.json)?$/,
    what: words`Flax's weights`,
    advice: BY_TRANSFORMERS_4('from_flax=True'),
  },
  {
    pattern: /\.(pdparams|pdiparams)$/,
    what: words`PaddlePaddle's weights`,
    advice: words`Export the model to ONNX with paddle2onnx. Or write the result of paddle.load as safetensors, with the weights of linear layers transposed.`,
  },
  {
    pattern: /\.(h5|hdf5|keras)$|^saved_model\.pb$|\.tflite$/,
    what: words`a model of Keras or TensorFlow`,
    advice: words`Export it to ONNX with tf2onnx, or find the model as safetensors.`,
  },
  {
    pattern: /\.msgpack$/,
    what: words`Flax's weights`,
    advice: BY_TRANSFORMERS_4('from_flax=True'),
  },
  {
    pattern: /^rust_model\.ot$|^openvino_.*\.(xml|bin)$|\.gguf$|\.mlpackage$|\.mlmodel$|\.mindir$/,
    what: words`a model for another runtime`,
    advice: words`Use the original model as a safetensors, PyTorch or ONNX file.`,
  },
];

/** Whether a file looks like weights by its ending and cannot be read as weights. */
export function isForeignWeights(name: string): boolean {
  return KINDS.some(({ pattern }) => pattern.test(name));
}

/** The error for a folder in which no weights of ours were found; undefined where there are none at all. */
export function foreignWeights(folder: string, names: readonly string[]): MedTextError | undefined {
  for (const { pattern, what, advice } of KINDS) {
    // The plainest name of the kind: an index rather than its shards.
    const [file] = names.filter((name) => pattern.test(name)).sort((a, b) => a.length - b.length);
    if (file === undefined) continue;
    return new MedTextError(
      'UNSUPPORTED',
      words`${folder} has its weights only in ${file}, ${what}. This program reads safetensors, PyTorch and ONNX. ${advice}`,
      { file: folder, weights: file },
    );
  }
  return undefined;
}
