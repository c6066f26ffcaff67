(module
  (import "env" "memory" (memory 1 65536 shared))
  ;; Where each region starts, in bytes: set by the host.
  (global $region_param (export "region_param") (mut i32) (i32.const 0))
  (global $region_grad (export "region_grad") (mut i32) (i32.const 0))
  (global $region_slot (export "region_slot") (mut i32) (i32.const 0))
  (global $region_stat (export "region_stat") (mut i32) (i32.const 0))
  (global $region_input (export "region_input") (mut i32) (i32.const 0))
  (global $region_work (export "region_work") (mut i32) (i32.const 0))
  ;; Workgroup memory of this thread.
  (global $tiles (export "tiles") (mut i32) (i32.const 0))
  (global (export "tile_bytes") i32 (i32.const 0))

  ;; h' = tanh(h / 2 + x), from frame t to frame t + 1.
  (func $step (export "step") (param $t i32) (param $T i32) (param $gx i32) (param $gy i32) (param $gz i32) (param $from i32) (param $to i32)
    (local $group i32) (local $input i32) (local $work i32) (local $i i32) (local $h f32) (local $work_t_i i32)
    (local $x f32) (local $input_t_i i32)
    (local.set $input (global.get $region_input))
    (local.set $work (global.get $region_work))
    (local.set $group (local.get $from))
    (if
      (i32.lt_s (local.get $group) (local.get $to))
      (then
        (loop $each_group
          (local.set $i (i32.const 0))
          (local.set $work_t_i (i32.add (local.get $work) (i32.mul (local.get $t) (i32.const 128))))
          (local.set $input_t_i (i32.add (local.get $input) (i32.mul (local.get $t) (i32.const 128))))
          (loop $each_i
            (local.set $h (f32.load (local.get $work_t_i)))
            (local.set $x (f32.load offset=64 (local.get $input_t_i)))
            (f32.store offset=128
              (local.get $work_t_i)
              (f32x4.extract_lane 0
                (call $tanh (f32x4.splat (f32.add (f32.mul (local.get $h) (f32.const 0.5)) (local.get $x))))))
            (local.set $work_t_i (i32.add (local.get $work_t_i) (i32.const 4)))
            (local.set $input_t_i (i32.add (local.get $input_t_i) (i32.const 4)))
            (br_if $each_i (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 32))))
          (br_if $each_group
            (i32.lt_s (local.tee $group (i32.add (local.get $group) (i32.const 1))) (local.get $to)))))))

  ;; tanh x ≈ x·(P(x²)/Q(x²)); relative error 4e-7 everywhere, exactly ±1 from 7.963572 on.
  (func $tanh (param $x v128) (result v128)
    (local $z v128) (local $p v128) (local $q v128)
    (local.set $x
      (f32x4.pmax
        (f32x4.pmin (local.get $x) (v128.const f32x4 7.963572 7.963572 7.963572 7.963572))
        (v128.const f32x4 -7.963572 -7.963572 -7.963572 -7.963572)))
    (local.set $z (f32x4.mul (local.get $x) (local.get $x)))
    (local.set $p (v128.const f32x4 -2.7607684e-16 -2.7607684e-16 -2.7607684e-16 -2.7607684e-16))
    (local.set $p
      (f32x4.add
        (f32x4.mul (local.get $p) (local.get $z))
        (v128.const f32x4 2.000188e-13 2.000188e-13 2.000188e-13 2.000188e-13)))
    (local.set $p
      (f32x4.add
        (f32x4.mul (local.get $p) (local.get $z))
        (v128.const f32x4 -8.604672e-11 -8.604672e-11 -8.604672e-11 -8.604672e-11)))
    (local.set $p
      (f32x4.add
        (f32x4.mul (local.get $p) (local.get $z))
        (v128.const f32x4 5.1222973e-8 5.1222973e-8 5.1222973e-8 5.1222973e-8)))
    (local.set $p
      (f32x4.add
        (f32x4.mul (local.get $p) (local.get $z))
        (v128.const f32x4 0.0000148572235 0.0000148572235 0.0000148572235 0.0000148572235)))
    (local.set $p
      (f32x4.add
        (f32x4.mul (local.get $p) (local.get $z))
        (v128.const f32x4 0.00063726195 0.00063726195 0.00063726195 0.00063726195)))
    (local.set $p
      (f32x4.add
        (f32x4.mul (local.get $p) (local.get $z))
        (v128.const f32x4 0.0048935246 0.0048935246 0.0048935246 0.0048935246)))
    (local.set $q (v128.const f32x4 0.0000011982584 0.0000011982584 0.0000011982584 0.0000011982584))
    (local.set $q
      (f32x4.add
        (f32x4.mul (local.get $q) (local.get $z))
        (v128.const f32x4 0.00011853471 0.00011853471 0.00011853471 0.00011853471)))
    (local.set $q
      (f32x4.add
        (f32x4.mul (local.get $q) (local.get $z))
        (v128.const f32x4 0.0022684347 0.0022684347 0.0022684347 0.0022684347)))
    (local.set $q
      (f32x4.add
        (f32x4.mul (local.get $q) (local.get $z))
        (v128.const f32x4 0.004893525 0.004893525 0.004893525 0.004893525)))
    (f32x4.mul (local.get $x) (f32x4.div (local.get $p) (local.get $q))))
)
