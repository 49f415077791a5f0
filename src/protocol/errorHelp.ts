import type { ErrorCode } from '../base/errors';
import { words, type Words } from '../base/words';

/** What a person is told of an error beside its message. */
export interface ErrorHelp {
  /** Leads an error whose own message has no translation; absent where the message stands alone. */
  readonly gist?: Words;
  /** When the error is met. */
  readonly meaning: Words;
  readonly remedy: Words;
}

/** Of every code, for the editor's links and for the page `troubleshooting.md`, which has the codes in this order. */
export const ERROR_HELP: Readonly<Record<ErrorCode, ErrorHelp>> = {
  USAGE: {
    meaning: words`The command line is wrong: an unknown command or option, a missing or unusable value.`,
    remedy: words`Run the command with --help. The message names the nearest known option.`,
  },
  NOT_FOUND: {
    gist: words`Something is not there`,
    meaning: words`A file, a folder, a column or a name does not exist.`,
    remedy: words`Check the path or the name in the message. Paths in a recipe start from the recipe’s folder.`,
  },
  IO: {
    gist: words`The system refused`,
    meaning: words`The disk or the operating system refused to read or write.`,
    remedy: words`Check the permissions of the named file, and that its disk is connected and not read-only.`,
  },
  DISK_FULL: {
    gist: words`The disk is full`,
    meaning: words`There is no room left on the disk.`,
    remedy: words`Free some room and start again. A training continues from its last checkpoint with Resume Run or --resume; a download continues by itself.`,
  },
  DATA_FORMAT: {
    gist: words`The data cannot be read`,
    meaning: words`A data file or a row of it cannot be read. The message names the file and the line.`,
    remedy: words`Correct the row, or set on_bad_row to skip (--skip-bad-rows) to leave such rows out. If the whole file is misread, set format, encoding or header.`,
  },
  LABELS: {
    gist: words`The labels do not fit`,
    meaning: words`The data hold label values that are neither listed in labels nor mapped, or one label only. The message lists the values with their counts.`,
    remedy: words`Add the values to labels, or map them in label_mapping (--map VALUE=LABEL); a value mapped to null leaves its rows out. Map Labels in the editor does this by hand.`,
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
    meaning: words`A pickle asks for code besides tensors. The code was not run.`,
    remedy: words`Take a safetensors file of the same model, or save the weights alone: torch.save(model.state_dict(), …).`,
  },
  CHECKPOINT_MISMATCH: {
    gist: words`Weights and configuration of the model do not fit`,
    meaning: words`Tensors do not have the shapes that config.json describes, or tensors are missing.`,
    remedy: words`Fine-tune an encoder that has no head yet. Otherwise use the config.json that belongs to these weights, and import the whole folder.`,
  },
  MODEL_CONFIG: {
    gist: words`Weights and configuration of the model do not fit`,
    meaning: words`config.json is missing, broken or describes an architecture that is not built here.`,
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
    remedy: words`For an ONNX file of another program, export it with a newer exporter. Otherwise report it.`,
  },
  NO_GRADIENT: {
    gist: words`The graph cannot be used`,
    meaning: words`An operator between the loss and a parameter has no gradient here.`,
    remedy: words`The model can be used for scoring. To train it, take a model without that operator, or train the head alone.`,
  },
  UNSUPPORTED: {
    gist: words`This version cannot do that`,
    meaning: words`The request is valid, and this version does not support it. The message names what is not supported.`,
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
    gist: words`A file takes more than it may`,
    meaning: words`Reading a file takes more time or memory than a file of its kind and size may take.`,
    remedy: words`Do not trust the file without a look at its origin. On a slow disk, MEDTEXT_READ_BUDGET=3 triples the limits.`,
  },
  DIVERGED: {
    gist: words`The loss or an output is not a number`,
    meaning: words`The loss, a gradient or an output of the model is NaN or infinite.`,
    remedy: words`Lower train.optimizer.lr or add warm-up. If precision is float16, try float32.`,
  },
  RESUME: {
    gist: words`The run cannot be resumed`,
    meaning: words`The run has no checkpoint, is over, or its data or model changed since.`,
    remedy: words`Restore the named file, or start a new run. A finished run’s model can be the model of a new recipe.`,
  },
  OFFLINE: {
    gist: words`The network failed`,
    meaning: words`The hub or index cannot be reached, or a download was not allowed, and this machine has no copy.`,
    remedy: words`Check the network and the proxy (HTTPS_PROXY), or set a mirror. Allow the download with --yes, or import the files on another machine and copy the folder.`,
  },
  NETWORK: {
    gist: words`The network failed`,
    meaning: words`A transfer failed after several attempts, or the server’s response is not the hub’s.`,
    remedy: words`Try again: a download continues where it stopped. A login page of a proxy may be in the way.`,
  },
  ACCESS: {
    gist: words`The hub does not give access`,
    meaning: words`The hub asks for a token, or the token does not open this repository.`,
    remedy: words`Accept the repository’s terms on its page, then use Set Access Token…, HF_TOKEN, MODELSCOPE_API_TOKEN or --login.`,
  },
  INTEGRITY: {
    gist: words`The download is not what was published`,
    meaning: words`A file’s size or hash differs from what was published.`,
    remedy: words`Download again. If it happens twice, the mirror or proxy changes files: use another one.`,
  },
  UNSAFE_NAME: {
    gist: words`A file name is not safe`,
    meaning: words`A file name from outside leads out of its folder, or cannot exist on every system.`,
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
    meaning: words`A child process ended or was ended while it was needed.`,
    remedy: words`Try again; the process starts anew. If it ends again, open the log (Open Log).`,
  },
  PROTOCOL: {
    gist: words`A process of MedText Lab does not respond`,
    meaning: words`A child process has another version than the editor, or sent something malformed.`,
    remedy: words`Reload the window, so that all processes have the same version.`,
  },
  INTERNAL: {
    gist: words`A mistake of MedText Lab`,
    meaning: words`This is a mistake of the program.`,
    remedy: words`Report it with the message and the log (Open Log; in the terminal with MEDTEXT_DEBUG=1).`,
  },
};

/** The help of a code; undefined for one of a later version. */
export function errorHelp(code: string): ErrorHelp | undefined {
  return Object.hasOwn(ERROR_HELP, code) ? ERROR_HELP[code as ErrorCode] : undefined;
}
