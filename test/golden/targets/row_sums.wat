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
  (global (export "tile_bytes") i32 (i32.const 272))

  ;; The sum of each row of a [3, 64] array: a workgroup a row, halving in workgroup memory.
  (func $row_sums (export "row_sums") (param $t i32) (param $T i32) (param $gx i32) (param $gy i32) (param $gz i32) (param $from i32) (param $to i32)
    (local $group i32) (local $group_x i32) (local $input i32) (local $work i32) (local $tiles i32) (local $i i32)
    (local $partial_i i32) (local $input_group_x_i i32) (local $half i32) (local $round i32)
    (local $partial_i_2 i32) (local $partial_i_half i32) (local $work_group_x i32)
    (local.set $input (global.get $region_input))
    (local.set $work (global.get $region_work))
    (local.set $tiles (global.get $tiles))
    (local.set $group (local.get $from))
    (if
      (i32.lt_s (local.get $group) (local.get $to))
      (then
        (loop $each_group
          (local.set $group_x (local.get $group))
          (local.set $i (i32.const 0))
          (local.set $partial_i (local.get $tiles))
          (local.set $input_group_x_i (i32.add (local.get $input) (i32.mul (local.get $group_x) (i32.const 256))))
          (loop $each_i
            (f32.store (local.get $partial_i) (f32.load (local.get $input_group_x_i)))
            (local.set $partial_i (i32.add (local.get $partial_i) (i32.const 4)))
            (local.set $input_group_x_i (i32.add (local.get $input_group_x_i) (i32.const 4)))
            (br_if $each_i (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 64))))
          (local.set $half (i32.const 32))
          (local.set $round (i32.const 0))
          (loop $each_round
            (local.set $i (i32.const 0))
            (local.set $partial_i_2 (local.get $tiles))
            (local.set $partial_i_half (i32.add (local.get $tiles) (i32.mul (local.get $half) (i32.const 4))))
            (if
              (i32.lt_s (local.get $i) (local.get $half))
              (then
                (loop $each_i_2
                  (f32.store
                    (local.get $partial_i_2)
                    (f32.add (f32.load (local.get $partial_i_2)) (f32.load (local.get $partial_i_half))))
                  (local.set $partial_i_2 (i32.add (local.get $partial_i_2) (i32.const 4)))
                  (local.set $partial_i_half (i32.add (local.get $partial_i_half) (i32.const 4)))
                  (br_if $each_i_2
                    (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $half))))))
            (local.set $half (i32.div_s (local.get $half) (i32.const 2)))
            (br_if $each_round
              (i32.lt_s (local.tee $round (i32.add (local.get $round) (i32.const 1))) (i32.const 6))))
          (local.set $i (i32.const 0))
          (local.set $work_group_x (i32.add (local.get $work) (i32.mul (local.get $group_x) (i32.const 4))))
          (loop $each_i_3
            (f32.store (local.get $work_group_x) (f32.load (local.get $tiles)))
            (br_if $each_i_3 (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1))))
          (br_if $each_group
            (i32.lt_s (local.tee $group (i32.add (local.get $group) (i32.const 1))) (local.get $to)))))))
)
