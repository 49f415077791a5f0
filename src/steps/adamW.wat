;; One AdamW update over a piece of the state. Formulas and names: adamW.ts.
;; Four arrays of `bytes` bytes each in the memory: p, m, v, g. p, m and v are updated in place.
;; Four elements at a time: `bytes` is a multiple of 16. `npm run kernels` compiles this into adamWKernel.ts.
(module
  (import "host" "memory" (memory 2 65536 shared))
  (func (export "update")
    (param $bytes i32) (param $p i32) (param $m i32) (param $v i32) (param $g i32)
    (param $gradientScale f32) (param $shrink f32) (param $stepSize f32) (param $rootScale f32)
    (param $beta1 f32) (param $oneLessBeta1 f32) (param $beta2 f32) (param $oneLessBeta2 f32) (param $eps f32)
    (local $end i32)
    (local $gradient v128) (local $newM v128) (local $newV v128)
    (local.set $end (i32.add (local.get $p) (local.get $bytes)))
    (loop $next
      (local.set $gradient
        (f32x4.mul (v128.load (local.get $g)) (f32x4.splat (local.get $gradientScale))))
      (local.set $newM
        (f32x4.add
          (f32x4.mul (v128.load (local.get $m)) (f32x4.splat (local.get $beta1)))
          (f32x4.mul (local.get $gradient) (f32x4.splat (local.get $oneLessBeta1)))))
      (local.set $newV
        (f32x4.add
          (f32x4.mul (v128.load (local.get $v)) (f32x4.splat (local.get $beta2)))
          (f32x4.mul
            (f32x4.mul (local.get $gradient) (local.get $gradient))
            (f32x4.splat (local.get $oneLessBeta2)))))
      (v128.store (local.get $m) (local.get $newM))
      (v128.store (local.get $v) (local.get $newV))
      (v128.store (local.get $p)
        (f32x4.sub
          (f32x4.mul (v128.load (local.get $p)) (f32x4.splat (local.get $shrink)))
          (f32x4.div
            (f32x4.mul (local.get $newM) (f32x4.splat (local.get $stepSize)))
            (f32x4.add
              (f32x4.mul (f32x4.sqrt (local.get $newV)) (f32x4.splat (local.get $rootScale)))
              (f32x4.splat (local.get $eps))))))
      (local.set $p (i32.add (local.get $p) (i32.const 16)))
      (local.set $m (i32.add (local.get $m) (i32.const 16)))
      (local.set $v (i32.add (local.get $v) (i32.const 16)))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (br_if $next (i32.ne (local.get $p) (local.get $end)))))
  ;; The decay alone: p of `bytes` bytes, in place.
  (func (export "decay") (param $bytes i32) (param $shrink f32)
    (local $p i32)
    (loop $next
      (v128.store (local.get $p) (f32x4.mul (v128.load (local.get $p)) (f32x4.splat (local.get $shrink))))
      (local.set $p (i32.add (local.get $p) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $p) (local.get $bytes))))))
