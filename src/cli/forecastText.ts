/** A training's estimate as text for a terminal. */
import { sizeText } from '../base/sizeText';
import { rowPlaces } from '../protocol/rowPlaces';
import type { TrainingForecast } from '../protocol/trainingForecast';
import { counted, duration, integer, properties } from './terminal';

export function forecastText(forecast: TrainingForecast): string[] {
  const { examples, validation, badRows, dropped, duplicates, shared, cut, maxLength, steps, device } = forecast;
  const { memory, exceedsMemory, contradictions } = forecast;
  const free = memory.availableBytes === undefined ? '' : `; ${sizeText(memory.availableBytes)} free`;
  const parts = memory.microBatchSize < memory.batchSize ? `; each batch of ${memory.batchSize} is computed in parts of ${memory.microBatchSize}` : ''; // prettier-ignore
  const leftOut = [
    ...(badRows > 0 ? [counted(badRows, 'bad row')] : []),
    ...(dropped > 0 ? [`${integer(dropped)} dropped by label_mapping`] : []),
    ...(duplicates > 0 ? [counted(duplicates, 'duplicate')] : []),
  ];
  const lines = properties([
    ['examples', `${integer(examples)} for training, ${integer(validation)} for validation`],
    ...(leftOut.length > 0 ? [['left out', leftOut.join(', ')] as const] : []),
    ['max_length', `${maxLength} tokens${cut > 0 ? `; ${counted(cut, 'example')} cut` : ''}`],
    ['steps', `at most ${integer(steps)}`],
    ['device', device],
    ['memory', `about ${sizeText(memory.estimatedBytes)} for the longest batches${free}${parts}`],
    ['time', timeText(forecast)],
  ]);
  if (exceedsMemory) lines.push('', 'warning: the memory will probably not be enough, even for one example at a time.');
  if (shared > 0) lines.push('', `warning: ${counted(shared, 'validation example')} with texts that are also in the training data.`); // prettier-ignore
  if (contradictions.texts > 0) {
    lines.push(
      '',
      `warning: ${counted(contradictions.rowCount, 'row')} with the same texts as other rows but another label:`,
    );
    for (const { first, second, labels, lines: at, rows } of contradictions.examples) {
      const { unit, numbers } = rowPlaces(at, rows);
      lines.push(
        `  ${unit}s ${numbers.join(', ')}: ${first}${second === undefined ? '' : ` | ${second}`}: ${labels.join(' / ')}`,
      );
    }
  }
  return lines;
}

function timeText({ time, exceedsMemory }: TrainingForecast): string {
  if (!time) {
    const how = exceedsMemory ? '' : '; --measure computes a few steps to estimate it';
    return `unknown: no run in work_dir has trained a model of this size on this device in the same way${how}`;
  }
  if (time.run === null) return `roughly ${duration(time.seconds)}, from ${counted(time.steps, 'step')} of median length, measured just now`; // prettier-ignore
  return `about ${duration(time.seconds)}, from the speed of ${time.run} (${time.endedAt!.slice(0, 10)}, ${counted(time.steps, 'step')})`;
}
