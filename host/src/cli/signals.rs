//! Ctrl-C and SIGTERM: the first ends what runs, resumably; the second ends the process at once, which the journal takes
//! as it takes a power cut.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

/// 128 and the signal's number.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// The exit code of the first signal received; 0 while there was none. A signal is the process's, not a run's.
static RECEIVED: AtomicU8 = AtomicU8::new(0);

/// A token that the first signal cancels.
pub(super) fn stop() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let code = next().await;
        RECEIVED.store(code, Ordering::Relaxed);
        tell!("stopping: what is under way is finished, and the run can be gone on with. Again to stop at once");
        stopped.cancel();
        let code = next().await;
        std::process::exit(i32::from(code));
    });
    stop
}

/// An interrupted verb's exit code, by the signal that interrupted it.
pub(super) fn exit_code(code: u8) -> u8 {
    match RECEIVED.load(Ordering::Relaxed) {
        TERMINATED if code == INTERRUPTED => TERMINATED,
        _ => code,
    }
}

async fn next() -> u8 {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = interrupted => INTERRUPTED,
                _ = terminated.recv() => TERMINATED,
            };
        }
    }
    drop(interrupted.await);
    INTERRUPTED
}
