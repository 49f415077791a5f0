/** Where a model's external tensors may lie: in its own folder or below, nowhere else. */
import { MedTextError } from '../base/errors';

/**
 * The path of an external-data file: `folder` / `location`. Symbolic links are the caller's to resolve.
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
