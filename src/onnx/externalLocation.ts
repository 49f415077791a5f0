/** The places where external tensors of a model may lie: the model's folder and the folders in it. */
import { MedTextError } from '../base/errors';

/**
 * The path of an external-data file: `folder` / `location`. The caller resolves symbolic links.
 * @throws MedTextError ONNX_FORMAT for an absolute location, a drive, `..`, or an empty or odd name.
 */
export function resolveExternalPath(folder: string, location: string): string {
  const parts = location.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  const leaves = /^[/\\]/.test(location) || /^[A-Za-z]:/.test(location) || parts.includes('..');
  if (leaves || parts.length === 0 || location.includes('\0')) {
    throw new MedTextError(
      'ONNX_FORMAT',
      `External data "${location}" lies outside the model's folder; it is not opened.`,
      {
        location,
      },
    );
  }
  return [folder.replace(/[/\\]+$/, ''), ...parts].join('/');
}
