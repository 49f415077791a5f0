import { bounded, cutTo, MAX_MESSAGE_LENGTH } from './plainText';
import { words, Words } from './words';

export { words };

/**
 * The project's one error type. `code` is stable and what programs branch on; `message` is for people and says what is
 * wrong, where (file, row, tensor) and what to do; `detail` carries the same facts as plain data. Names in both come from
 * strangers' files, so both are bounded in length: an error crosses processes, is kept in files and shown.
 */
export class MedTextError extends Error {
  /** The message as what an editor in another language can translate; absent where there is only English. */
  readonly words?: Words;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: ErrorCode,
    message: string | Words,
    detail: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    const text = String(message);
    super(cutTo(MAX_MESSAGE_LENGTH, text), options);
    this.name = 'MedTextError';
    this.detail = bounded(detail);
    if (message instanceof Words && text.length <= MAX_MESSAGE_LENGTH) this.words = message;
  }

  toJSON(): { code: string; message: string; detail: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, detail: this.detail };
  }
}

/** What a state or a file keeps of an error: plain data. */
export function plainError({ code, message, words: said }: MedTextError): {
  readonly code: string;
  readonly message: string;
  readonly words?: Words;
} {
  return { code, message, ...(said && { words: said }) };
}

/** Every code the project raises, one line each: what the person did or met. */
export type ErrorCode =
  | 'USAGE' // wrong command-line use
  | 'NOT_FOUND' // a file, folder, column or name that is not there
  | 'IO' // the disk or the operating system refused
  | 'DISK_FULL'
  | 'CANCELLED'
  | 'INTERNAL' // our own mistake
  | 'CLOSED' // the process or panel at the other end of a channel is gone
  | 'PROTOCOL' // the other end of a channel speaks another version or sent something malformed
  | 'UNSUPPORTED' // a valid thing this version cannot do, named
  | 'CHECKPOINT_FORMAT' // a weights file that is broken, cut short or lies about itself
  | 'CHECKPOINT_UNSAFE' // a pickle that asks for anything but tensors
  | 'CHECKPOINT_MISMATCH' // tensors that do not fit the configuration
  | 'MODEL_CONFIG' // config.json is missing, broken or describes another architecture
  | 'TOKENIZER' // vocabulary or tokenizer files missing or broken
  | 'ONNX_FORMAT' // an ONNX file that is broken
  | 'GRAPH' // an operator, shape or type mistake found while building a graph
  | 'NO_GRADIENT' // an operator on the path has no gradient rule
  | 'DATA_FORMAT' // a data file or row that cannot be read
  | 'LABELS' // labels that are not mapped or not listed
  | 'RECIPE' // a recipe that is not valid
  | 'RUNTIME' // ONNX Runtime refused or failed
  | 'OUT_OF_MEMORY'
  | 'BUDGET' // a file that takes more time or memory than one of its size may
  | 'DIVERGED' // a loss, a gradient or a model's answer that is no finite number
  | 'RESUME' // a run folder that cannot be resumed
  | 'OFFLINE' // the hub cannot be reached, and no local cache has what is wanted
  | 'NETWORK' // a transfer that failed after its retries, or an answer that is not the hub's
  | 'ACCESS' // the hub wants a token, or its terms to be accepted
  | 'INTEGRITY' // a file that is not what was published: its size or hash differs
  | 'UNSAFE_NAME' // a name from outside that would leave its folder, or that no file can have everywhere
  | 'BUSY'; // another process is at work on the same thing

/** The error as a {@link MedTextError}: itself if it is one, else wrapped as `INTERNAL` (or `IO` for system errors). */
export function asMedTextError(error: unknown): MedTextError {
  if (error instanceof MedTextError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const systemCode = (error as NodeJS.ErrnoException | undefined)?.code;
  if (systemCode === 'ENOSPC')
    return new MedTextError('DISK_FULL', words`The disk is full: ${message}`, {}, { cause: error });
  if (systemCode === 'ERR_INVALID_ARG_VALUE' && /null bytes/.test(message)) {
    return new MedTextError(
      'NOT_FOUND',
      words`There is no such file: its path contains a NUL character.`,
      {},
      { cause: error },
    );
  }
  if (systemCode === 'ENOENT') return new MedTextError('NOT_FOUND', message, {}, { cause: error });
  if (typeof systemCode === 'string' && /^E[A-Z]+$/.test(systemCode)) {
    return new MedTextError('IO', message, { systemCode }, { cause: error });
  }
  return new MedTextError('INTERNAL', message, {}, { cause: error });
}
