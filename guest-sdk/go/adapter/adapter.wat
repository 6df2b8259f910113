;; WASI preview 1 for a Go guest, without any WASI behind it but random numbers and the end of the program.
;;
;; Why not the official adapter: Go reads the clock when its garbage collector runs, and that may be inside `cabi_realloc`,
;; where a component must not call out ("cannot leave component instance"). Here the monotonic clock is a counter, and the wall
;; clock stands where the SDK has put it, at the run's start. Standard output and standard error go to the migration's log.
;; There are no files, arguments or environment; whoever sleeps wakes at once, and the monotonic clock has moved on by as much.
(module
  (import "drift:migration/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
  (import "wasi:cli/exit@0.2.0" "exit-with-code" (func $exit (param i32)))
  (import "env" "memory" (memory 0))

  ;; Nanoseconds. Until the SDK has asked for the run's start, which it cannot while the program starts: 2026-01-01.
  (global $wall (mut i64) (i64.const 1767225600000000000))
  ;; What has been slept, and a little for each look. Go wants it to begin above nought.
  (global $now (mut i64) (i64.const 1000000000))

  ;; Not of WASI: puts the wall clock, in nanoseconds since 1970.
  (func (export "drift_wall_clock") (param i64) (global.set $wall (local.get 0)))

  ;; Nothing of it, no error.
  (func $none (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "environ_sizes_get") (param i32 i32) (result i32) (call $none (local.get 0) (local.get 1)))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))
  ;; The host ends the item there, and says why.
  (func (export "proc_exit") (param i32)
    (call $exit (i32.and (local.get 0) (i32.const 255)))
    unreachable)

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $at i32) (result i32)
    (if (i32.eqz (local.get $clock))
      (then
        (i64.store (local.get $at) (global.get $wall))
        (return (i32.const 0))))
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store (local.get $at) (global.get $now))
    (i32.const 0))
  (func (export "clock_res_get") (param $clock i32) (param $at i32) (result i32)
    (i64.store (local.get $at) (i64.const 1000))
    (i32.const 0))

  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (local $bits i64) (local $have i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (if (i32.eqz (local.get $have))
          (then
            (local.set $bits (call $random))
            (local.set $have (i32.const 8))))
        (i32.store8 (local.get $at) (i32.wrap_i64 (local.get $bits)))
        (local.set $bits (i64.shr_u (local.get $bits) (i64.const 8)))
        (local.set $have (i32.sub (local.get $have) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; Every piece is a message, without the end of its line: `info` of standard output, `warn` of standard error.
  (func (export "fd_write") (param $file i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
    (local $total i32) (local $at i32) (local $length i32)
    (if (i32.and (i32.ne (local.get $file) (i32.const 1)) (i32.ne (local.get $file) (i32.const 2)))
      (then (return (i32.const 8))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $pieces)))
        (local.set $length (i32.load offset=4 (local.get $pieces)))
        (local.set $total (i32.add (local.get $total) (local.get $length)))
        (if (local.get $length)
          (then
            (if (i32.eq (i32.load8_u (i32.sub (i32.add (local.get $at) (local.get $length)) (i32.const 1))) (i32.const 10))
              (then (local.set $length (i32.sub (local.get $length) (i32.const 1)))))))
        (if (local.get $length)
          (then (call $log (local.get $file) (local.get $at) (local.get $length))))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))

  ;; Every subscription is ready at once; the clock moves on by what was to be slept.
  (func (export "poll_oneoff") (param $wanted i32) (param $events i32) (param $count i32) (param $ready i32) (result i32)
    (local $left i32)
    (local.set $left (local.get $count))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (i64.store (local.get $events) (i64.load (local.get $wanted)))
        (i64.store offset=8 (local.get $events) (i64.shl (i64.load8_u offset=8 (local.get $wanted)) (i64.const 16)))
        (i64.store offset=16 (local.get $events) (i64.const 0))
        (i64.store offset=24 (local.get $events) (i64.const 0))
        (if (i32.eqz (i32.load8_u offset=8 (local.get $wanted)))
          (then
            (if (i32.and (i32.load16_u offset=40 (local.get $wanted)) (i32.const 1))
              (then (global.set $now (i64.load offset=24 (local.get $wanted))))
              (else (global.set $now (i64.add (global.get $now) (i64.load offset=24 (local.get $wanted))))))))
        (local.set $wanted (i32.add (local.get $wanted) (i32.const 48)))
        (local.set $events (i32.add (local.get $events) (i32.const 32)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $ready) (local.get $count))
    (i32.const 0))

  ;; The three standard files are character devices; there is no other.
  (func (export "fd_fdstat_get") (param $file i32) (param $at i32) (result i32)
    (if (i32.gt_u (local.get $file) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store (local.get $at) (i64.const 2))
    (i64.store offset=8 (local.get $at) (i64.const -1))
    (i64.store offset=16 (local.get $at) (i64.const 0))
    (i32.const 0))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  ;; 52: there is no such function.
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_close") (param i32) (result i32) (i32.const 0))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.store (local.get 3) (i32.const 0)) (i32.const 0))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 0))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 52))
)
