import type { ErrorCode } from '../base/errors';
import { words, type Words } from '../base/words';

/** The help for an error code. */
export interface ErrorHelp {
  /** The beginning of an error whose message has no translation; absent if the message needs none. */
  readonly gist?: Words;
  /** When the error occurs. */
  readonly meaning: Words;
  readonly remedy: Words;
}

/** The help for every code, used by the editor and the page `troubleshooting.md`, which keeps this order. */
export const ERROR_HELP: Readonly<Record<ErrorCode, ErrorHelp>> = {
  USAGE: {
    meaning: words`The command line is wrong: an unknown command or option, a missing or unusable value.`,
    remedy: words`Run the command with --help. The message names the nearest known option.`,
  },
  NOT_FOUND: {
    gist: words`Something was not found`,
    meaning: words`A file, a folder, a column or a name does not exist.`,
    remedy: words`Check the path or the name in the message. Paths in a recipe start from the recipe’s folder.`,
  },
  IO: {
    gist: words`The system refused the operation`,
    meaning: words`The disk or the operating system refused to read or write.`,
    remedy: words`Check the permissions of the file in the message. Check that its disk is connected and not read-only.`,
  },
  DISK_FULL: {
    gist: words`The disk is full`,
    meaning: words`There is no space left on the disk.`,
    remedy: words`Free some space and start again. A training continues from its last checkpoint with Resume Run or --resume; a download continues by itself.`,
  },
  DATA_FORMAT: {
    gist: words`The data cannot be read`,
    meaning: words`A data file or a row of it cannot be read. The message names the file and the line.`,
    remedy: words`Correct the row, or set on_bad_row to skip (--skip-bad-rows) to skip such rows. If the whole file is misread, set format, encoding or header.`,
  },
  LABELS: {
    gist: words`There is a problem with the labels`,
    meaning: words`The data have label values that are neither listed in labels nor mapped; the message lists them with their counts. Or the data have no labels, or only one label, so there is nothing to learn.`,
    remedy: words`Add unknown values to labels, or map them in label_mapping (--map VALUE=LABEL); rows with a value mapped to null are dropped. In the editor, Map Labels does the same. If there is nothing to learn, name the column of the labels (label; medtext data FILE shows what each column holds), check whether label_mapping drops all rows, or train on data with at least two labels.`,
  },
  RECIPE: {
    gist: words`The recipe is not valid`,
    meaning: words`The recipe has an unknown field, a value outside its range, or fields that contradict each other.`,
    remedy: words`Correct the places that the message names. In the editor they are underlined, with quick fixes.`,
  },
  CHECKPOINT_FORMAT: {
    gist: words`The weights file is broken`,
    meaning: words`A weights file is broken, cut short, or holds NaN or infinity. The message names the tensor.`,
    remedy: words`Download or copy the file again. If it holds NaN, its training diverged: take an earlier checkpoint.`,
  },
  CHECKPOINT_UNSAFE: {
    gist: words`The weights file is not safe`,
    meaning: words`A pickle file contains calls to code, not only tensors. No code was run.`,
    remedy: words`Use a safetensors file of the same model, or save only the weights: torch.save(model.state_dict(), …).`,
  },
  CHECKPOINT_MISMATCH: {
    gist: words`The weights and the configuration of the model do not match`,
    meaning: words`Tensors do not have the shapes that config.json describes, or tensors are missing.`,
    remedy: words`If the model is an encoder without a head, fine-tune it first. Otherwise use the config.json that belongs to these weights, and import the whole folder.`,
  },
  MODEL_CONFIG: {
    gist: words`The weights and the configuration of the model do not match`,
    meaning: words`config.json is missing or broken, or describes an architecture that this program does not support.`,
    remedy: words`Import the whole model folder. Encoders of other families can be used as ONNX files.`,
  },
  TOKENIZER: {
    gist: words`The tokenizer cannot be used`,
    meaning: words`The vocabulary or the tokenizer’s files are missing, broken or do not fit the model.`,
    remedy: words`Put vocab.txt or tokenizer.json beside the weights. A folder with a sentencepiece model alone needs a tokenizer.json, which transformers writes.`,
  },
  ONNX_FORMAT: {
    gist: words`The ONNX file is broken`,
    meaning: words`The ONNX file is broken or cut short, or its external data are missing.`,
    remedy: words`Copy or export the file again, with its .data file beside it.`,
  },
  GRAPH: {
    gist: words`The graph cannot be used`,
    meaning: words`A graph cannot be built: an operator, a shape or a type does not fit.`,
    remedy: words`If another program exported the ONNX file, export it again with a newer exporter. Otherwise report the error.`,
  },
  NO_GRADIENT: {
    gist: words`The graph cannot be used`,
    meaning: words`This program has no gradient for an operator between the loss and a parameter.`,
    remedy: words`The model can be used for scoring. To train, choose a model without that operator, or train only the head (train.trainable).`,
  },
  UNSUPPORTED: {
    gist: words`This version does not support that`,
    meaning: words`The request is valid, but this version does not support it. The message names what is not supported.`,
    remedy: words`Choose another device, format or setting, as the message says.`,
  },
  RUNTIME: {
    gist: words`ONNX Runtime failed`,
    meaning: words`ONNX Runtime refused a graph or failed while computing.`,
    remedy: words`Run Check Device (medtext doctor). On a GPU, update the driver or set device to cpu.`,
  },
  OUT_OF_MEMORY: {
    gist: words`The memory ran out`,
    meaning: words`Neither the batch nor a part of it fits into the memory of the CPU or the GPU.`,
    remedy: words`Close other programs, or lower train.max_length, train.batch_size or train.micro_batch_size.`,
  },
  BUDGET: {
    gist: words`Reading a file exceeds the limits of time or memory`,
    meaning: words`Reading a file takes more time or memory than a file of its kind and size may take.`,
    remedy: words`Check where the file comes from before you trust it. On a slow disk, MEDTEXT_READ_BUDGET=3 triples the limits.`,
  },
  DIVERGED: {
    gist: words`The loss or an output is not a number`,
    meaning: words`The loss, a gradient or an output of the model is NaN or infinite.`,
    remedy: words`Lower train.optimizer.lr or add warm-up. If precision is float16, try float32.`,
  },
  RESUME: {
    gist: words`The run cannot be resumed`,
    meaning: words`The run has no checkpoint, has finished, or its data or model have changed since it began.`,
    remedy: words`Restore the named file, or start a new run. A new recipe can start from the model of a finished run.`,
  },
  OFFLINE: {
    gist: words`The network failed`,
    meaning: words`The hub or index cannot be reached, or a download was not allowed, and this machine has no copy.`,
    remedy: words`Check the network and the proxy (HTTPS_PROXY), or set a mirror. Allow the download with --yes, or import the files on another machine and copy the folder.`,
  },
  NETWORK: {
    gist: words`The network failed`,
    meaning: words`A transfer failed after several attempts, or the response did not come from the hub.`,
    remedy: words`Try again: a download continues where it stopped. Check whether a proxy or a login page blocks the connection.`,
  },
  ACCESS: {
    gist: words`The hub does not give access`,
    meaning: words`The hub requires an access token, or the token gives no access to this repository.`,
    remedy: words`Accept the repository’s terms on its page, then use Set Access Token…, HF_TOKEN, MODELSCOPE_API_TOKEN or --login.`,
  },
  INTEGRITY: {
    gist: words`The download is not what was published`,
    meaning: words`A file’s size or hash differs from what was published.`,
    remedy: words`Download again. If it happens twice, the mirror or proxy changes files: use another one.`,
  },
  UNSAFE_NAME: {
    gist: words`A file name is not safe`,
    meaning: words`A file name in a download or an archive points outside its folder, or is not allowed on every system.`,
    remedy: words`Rename the file at its source, or download the other files with --include.`,
  },
  BUSY: {
    gist: words`Another process is using it`,
    meaning: words`Another process uses the same folder: it trains, imports, exports or downloads there.`,
    remedy: words`Wait until it ends, stop it, or name another folder.`,
  },
  CANCELLED: {
    meaning: words`You cancelled the operation (exit code 130).`,
    remedy: words`Start it again. A training continues with Resume Run or --resume.`,
  },
  CLOSED: {
    gist: words`A process of MedText Lab does not respond`,
    meaning: words`A child process ended while it was needed.`,
    remedy: words`Try again: the process starts again. If it ends again, open the log (Open Log).`,
  },
  PROTOCOL: {
    gist: words`A process of MedText Lab does not respond`,
    meaning: words`A child process has another version than the editor, or sent something malformed.`,
    remedy: words`Reload the window, so that all processes have the same version.`,
  },
  INTERNAL: {
    gist: words`An internal error of MedText Lab`,
    meaning: words`The program has a bug.`,
    remedy: words`Report it with the message and the log (Open Log; in the terminal with MEDTEXT_DEBUG=1).`,
  },
};

/** The help for a code; undefined for a code of a later version. */
export function errorHelp(code: string): ErrorHelp | undefined {
  return Object.hasOwn(ERROR_HELP, code) ? ERROR_HELP[code as ErrorCode] : undefined;
}
