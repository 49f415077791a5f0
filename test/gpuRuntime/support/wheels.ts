/** Tiny wheels with libraries that are none, but whose headers say what real ones say. Written from the formats' documents. */
import { createHash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';

/** A library of x86-64 Linux (System V ABI) that needs others; `text` stands in it as C strings. */
export function elfLibrary(needed: readonly string[], text: readonly string[] = [], bytes = 0): Buffer {
  const names = ['', ...needed];
  const strings = Buffer.from(`${names.join('\0')}\0`, 'latin1');
  const stringsAt = 64 + 2 * 56;
  // The dynamic section stands where the file is at other offsets than the memory, as in real libraries.
  const dynamicAt = Math.ceil((stringsAt + strings.length) / 16) * 16;
  const address = 0x10000;
  let offset = 1;
  const entries: [number, number][] = names.slice(1).map((name) => {
    const entry: [number, number] = [1, offset];
    offset += name.length + 1;
    return entry;
  });
  entries.push([5, address + stringsAt], [10, strings.length], [0, 0]);
  const dynamic = Buffer.alloc(entries.length * 16);
  entries.forEach(([tag, value], i) => {
    dynamic.writeBigUInt64LE(BigInt(tag), i * 16);
    dynamic.writeBigUInt64LE(BigInt(value), i * 16 + 8);
  });
  const size = dynamicAt + dynamic.length;
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(62, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  const segment = (type: number, at: number, length: number): Buffer => {
    const program = Buffer.alloc(56);
    program.writeUInt32LE(type, 0);
    program.writeBigUInt64LE(BigInt(at), 8);
    program.writeBigUInt64LE(BigInt(address + at), 16);
    program.writeBigUInt64LE(BigInt(length), 32);
    return program;
  };
  const file = Buffer.alloc(size);
  header.copy(file);
  segment(1, 0, size).copy(file, 64);
  segment(2, dynamicAt, dynamic.length).copy(file, 64 + 56);
  strings.copy(file, stringsAt);
  dynamic.copy(file, dynamicAt);
  // Something that does not pack, for downloads of a size that can be interrupted.
  const noise = Buffer.alloc(bytes);
  for (let i = 0, state = 1; i < bytes; i++) noise[i] = (state = (state * 48271) % 2147483647) & 255;
  return Buffer.concat([file, Buffer.from(`\0${text.join('\0')}\0`, 'latin1'), noise]);
}

/** A zip archive (APPNOTE 6.3); names are written as they are, evil ones too. */
export function zip(files: Readonly<Record<string, Buffer | string>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, given] of Object.entries(files)) {
    const content = Buffer.from(given as Buffer);
    const packed = deflateRawSync(content);
    const path = Buffer.from(name, 'utf8');
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(checksum(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, tail, path]));
    locals.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...locals, central, Buffer.from('PK\x05\x06'), end]);
}

/** Node has it from 22 on. */
function checksum(bytes: Buffer): number {
  if (typeof crc32 === 'function') return crc32(bytes);
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

export const PROVIDER_NEEDS = ['libcublasLt.so.13', 'libcublas.so.13', 'libcurand.so.10', 'libcudart.so.13', 'libcuda.so.1', 'libc.so.6']; // prettier-ignore

const METADATA = `Metadata-Version: 2.4
Name: onnxruntime-gpu
Requires-Dist: numpy>=1.21.6
Provides-Extra: cuda
Requires-Dist: nvidia-cuda-nvrtc~=13.0; extra == "cuda"
Requires-Dist: nvidia-cuda-runtime~=13.0; extra == "cuda"
Requires-Dist: nvidia-cufft~=12.0; extra == "cuda"
Requires-Dist: nvidia-curand~=10.0; extra == "cuda"
Provides-Extra: cudnn
Requires-Dist: nvidia-cudnn-cu13~=9.0; extra == "cudnn"

A description with
Requires-Dist: nvidia-never~=1.0; extra == "cuda"
`;

/** The files of Python's package with the providers of a version. */
export function providerFiles(version: string, { needed = PROVIDER_NEEDS, bytes = 0 } = {}): Record<string, Buffer> {
  return {
    'onnxruntime/capi/build_and_package_info.py': Buffer.from(`package_name = 'onnxruntime-gpu'\n__version__ = '${version}'\n`), // prettier-ignore
    'onnxruntime/capi/libonnxruntime_providers_cuda.so': elfLibrary(needed, ['oEnum', version, 'cudaSetDevice'], bytes),
    'onnxruntime/capi/libonnxruntime_providers_shared.so': elfLibrary(['libc.so.6']),
    'onnxruntime/capi/libonnxruntime_providers_tensorrt.so': elfLibrary(['libnvinfer.so.10']),
    [`onnxruntime/capi/libonnxruntime.so.${version}`]: elfLibrary(['libc.so.6']),
    [`onnxruntime_gpu-${version}.dist-info/METADATA`]: Buffer.from(METADATA),
  };
}

/** NVIDIA's packages, by the name of the wheel: those of CUDA 13 and some that must not be taken. */
export function nvidiaFiles(): Record<string, Record<string, Buffer>> {
  const library = (name: string, ...needed: string[]) => elfLibrary([...needed, 'libc.so.6'], [name]);
  const cu13 = (...names: string[]) => Object.fromEntries(names.map((name) => [`nvidia/cu13/lib/${name}`, library(name)])); // prettier-ignore
  const any = 'py3-none-manylinux_2_17_x86_64.whl';
  return {
    [`nvidia_cublas-13.9.0.1-${any}`]: cu13('libcublas.so.13', 'libcublasLt.so.13', 'libnvblas.so.13'),
    // The newest by number, not by letter.
    [`nvidia_cublas-13.10.0.20-${any}`]: cu13('libcublas.so.13', 'libcublasLt.so.13', 'libnvblas.so.13'),
    [`nvidia_cublas-13.11.0rc1-${any}`]: cu13('libcublas.so.13', 'libcublasLt.so.13'),
    [`nvidia_cublas-14.0.0.1-${any}`]: cu13('libcublas.so.14', 'libcublasLt.so.14'),
    ['nvidia_cublas-13.12.0.1-py3-none-win_amd64.whl']: { 'nvidia/cu13/bin/cublas64_13.dll': Buffer.from('MZ') },
    ['nvidia_cublas-13.12.0.1-py3-none-manylinux_2_99_x86_64.whl']: cu13('libcublas.so.13', 'libcublasLt.so.13'),
    [`nvidia_cuda_runtime-13.5.37-${any}`]: cu13('libcudart.so.13'),
    [`nvidia_curand-10.4.5.25-${any}`]: cu13('libcurand.so.10'),
    [`nvidia_cudnn_cu13-9.28.1.4-${any}`]: {
      'nvidia/cudnn/lib/libcudnn.so.9': library('libcudnn.so.9'),
      'nvidia/cudnn/lib/libcudnn_ops.so.9': library('libcudnn_ops.so.9'),
      'nvidia/cudnn/include/cudnn.h': Buffer.from('/* */'),
    },
    [`nvidia_cuda_nvrtc-13.5.37-${any}`]: cu13('libnvrtc.so.13', 'libnvrtc-builtins.so.13.5', 'libnvrtc.alt.so.13'),
  };
}
