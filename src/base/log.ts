export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where a part of the program writes what it does; structurally a part of `vscode.LogOutputChannel`. */
export type Log = Readonly<Record<LogLevel, (message: string) => void>>;

/** A log that sends every line, with its level, to one function. */
export function logTo(write: (level: LogLevel, message: string) => void): Log {
  return Object.fromEntries(logLevels.map((level) => [level, (message: string) => write(level, message)])) as Log;
}

export const silentLog: Log = logTo(() => undefined);
