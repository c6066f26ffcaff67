;; Runs a thread's program (`thread-program.ts`): words in memory that say which kernel to call, and where to wait for the other
;; threads. Each thread has an instance, with the kernels in its table. `npm run build:sequencer` makes `sequencer-code.ts` of this
;; file.
;;
;; Memory begins with the control block (`thread.ts`): at 0 whether a thread has failed, at 64 how many threads sleep, and from 1024
;; on, a cache line for each thread, how many barriers it has reached in this run. A thread that has failed reaches all of them.
(module
  (type $kernel (func (param i32 i32 i32 i32 i32 i32 i32)))
  (import "env" "memory" (memory 1 65536 shared))
  (table $kernels (export "kernels") 0 funcref)
  ;; This thread's number, whether it may sleep, and how many threads take part in the run.
  (global $index (export "index") (mut i32) (i32.const 0))
  (global $sleeps (export "sleeps") (mut i32) (i32.const 0))
  (global $threads (export "threads") (mut i32) (i32.const 1))
  ;; The dispatch that runs, for messages.
  (global $at (export "at") (mut i32) (i32.const 0))
  ;; How many barriers this thread has reached.
  (global $reached (mut i32) (i32.const 0))

  ;; Runs a program, with `t` outside of loops. Returns 1 if a thread has failed.
  (func $start (export "start") (param $program i32) (param $t i32) (param $steps i32) (result i32)
    (global.set $reached (i32.const 0))
    (call $run (local.get $program) (local.get $t) (local.get $steps)))

  (func $run (param $at i32) (param $t i32) (param $steps i32) (result i32)
    (local $do i32) (local $step i32) (local $left i32)
    (loop $next
      (local.set $do (i32.load (local.get $at)))
      (if (i32.eq (local.get $do) (i32.const 1))
        (then
          (global.set $at (local.get $at))
          (call_indirect $kernels (type $kernel)
            (local.get $t)
            (local.get $steps)
            (i32.load offset=8 (local.get $at))
            (i32.load offset=12 (local.get $at))
            (i32.load offset=16 (local.get $at))
            (i32.load offset=20 (local.get $at))
            (i32.load offset=24 (local.get $at))
            (i32.load offset=4 (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 28)))
          (br $next)))
      (if (i32.eq (local.get $do) (i32.const 2))
        (then
          (if (call $barrier) (then (return (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const 4)))
          (br $next)))
      (if (i32.eq (local.get $do) (i32.const 3))
        (then
          (local.set $step (i32.add (local.get $t) (i32.load offset=4 (local.get $at))))
          (local.set $left (i32.load offset=8 (local.get $at)))
          (loop $each
            (if (call $run (i32.add (local.get $at) (i32.const 20)) (local.get $step) (local.get $steps))
              (then (return (i32.const 1))))
            (local.set $step (i32.add (local.get $step) (i32.load offset=12 (local.get $at))))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $each (local.get $left)))
          (local.set $at (i32.add (local.get $at) (i32.load offset=16 (local.get $at))))
          (br $next))))
    (i32.const 0))

  ;; Waits until all threads are here. Each tells the others by a number of its own, which costs one transfer of a cache line. Returns
  ;; 1 if a thread has failed.
  (func $barrier (result i32)
    (local $other i32)
    (global.set $reached (i32.add (global.get $reached) (i32.const 1)))
    (call $arrive (global.get $reached))
    (local.set $other (global.get $threads))
    (loop $each
      (local.set $other (i32.sub (local.get $other) (i32.const 1)))
      (call $await (i32.mul (local.get $other) (i32.const 64)))
      (br_if $each (local.get $other)))
    (if (i32.eqz (i32.atomic.load (i32.const 0))) (then (return (i32.const 0))))
    (call $arrive (i32.const 0x7fffffff))
    (i32.const 1))

  (func $arrive (param $reached i32)
    (local $own i32)
    (local.set $own (i32.mul (global.get $index) (i32.const 64)))
    (i32.atomic.store offset=1024 (local.get $own) (local.get $reached))
    (if (i32.atomic.load offset=64 (i32.const 0))
      (then (drop (memory.atomic.notify offset=1024 (local.get $own) (i32.const -1))))))

  ;; Waits for the thread whose line is at 1024 + `line`. It looks for some 50 µs, and then sleeps, where it may: to sleep and be woken
  ;; takes about as long, so that waiting costs at most twice the least it can.
  (func $await (param $line i32)
    (local $looks i32) (local $seen i32)
    (local.set $looks (i32.const 50000))
    (loop $look
      (if (i32.ge_s (i32.atomic.load offset=1024 (local.get $line)) (global.get $reached)) (then (return)))
      (local.set $looks (i32.sub (local.get $looks) (global.get $sleeps)))
      (br_if $look (local.get $looks)))
    (drop (i32.atomic.rmw.add offset=64 (i32.const 0) (i32.const 1)))
    (loop $sleep
      (local.set $seen (i32.atomic.load offset=1024 (local.get $line)))
      (if (i32.lt_s (local.get $seen) (global.get $reached))
        (then
          (drop (memory.atomic.wait32 offset=1024 (local.get $line) (local.get $seen) (i64.const -1)))
          (br $sleep))))
    (drop (i32.atomic.rmw.add offset=64 (i32.const 0) (i32.const -1)))))
