/** Which sheet of a workbook is meant. */
import { basename } from 'node:path';
import { window } from 'vscode';
import type { DataInfo } from '../../protocol/scorer';
import type { Services } from '../services';

/**
 * Asks where a workbook has several sheets.
 * @returns what the data of the sheet are; undefined when the person gave up
 */
export async function askSheet(
  info: DataInfo,
  { scorer, t }: Pick<Services, 'scorer' | 't'>,
): Promise<DataInfo | undefined> {
  const { file, sheet, sheets = [] } = info;
  if (sheets.length < 2) return info;
  const items = sheets.map((label) => ({ label, description: label === sheet ? t('the first visible one') : '' }));
  const title = t('Which sheet of {0}?', basename(file));
  const chosen = await window.showQuickPick(items, { title });
  if (!chosen || chosen.label === sheet) return chosen && info;
  return scorer.request('dataInfo', { file, sheet: chosen.label });
}

/** The sheet to write into a recipe or request; undefined where there is nothing to choose. */
export function namedSheet(info: DataInfo | undefined): string | undefined {
  return (info?.sheets?.length ?? 0) > 1 ? info!.sheet : undefined;
}
