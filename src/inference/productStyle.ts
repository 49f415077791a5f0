/** How a device's graphs write matrix products. */
import { gemmAsMatMul } from '../onnx/gemmAsMatMul';
import type { Model } from '../onnx/model';
import type { FactorType } from '../onnx/operators';
import type { ExecutionDevice } from './session';

/**
 * - `float32`: as PyTorch computes by default.
 * - `tf32`: an NVIDIA GPU's matrix products read float32 with 10 bits of mantissa (TensorFloat-32); elsewhere as `float32`.
 * - `float16`: the factors of matrix products in half precision, on graphics devices; the CPU has no use for it.
 */
export type Precision = 'float32' | 'tf32' | 'float16';

export interface ProductStyle {
  readonly factors: FactorType;
  /** Gemm is slow on the device. */
  readonly asMatMul: boolean;
}

export function productStyle(device: ExecutionDevice = 'cpu', precision: Precision = 'float32'): ProductStyle {
  const isHalf = precision === 'float16' && device !== 'cpu';
  return { asMatMul: device === 'webgpu', factors: isHalf ? 'float16' : 'float32' };
}

/** The graph, once its gradients are added, with matrix products as the style has them. */
export function inStyle(model: Model, style: ProductStyle | undefined): Model {
  return style?.asMatMul ? gemmAsMatMul(model, { leftToo: style.factors === 'float16' }) : model;
}
