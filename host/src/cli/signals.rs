//! Ctrl-C, SIGTERM and `--stop-after`: the first ends what runs, resumably; the second ends the process at once, which the journal takes
//! as it takes a power cut.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// 128 and the signal's number.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;
/// Try again: the time that was given is over.
const TIME_OVER: u8 = 75;

/// The exit code of the first signal received; 0 while there was none. A signal is the process's, not a run's.
static RECEIVED: AtomicU8 = AtomicU8::new(0);
static STOP: OnceLock<CancellationToken> = OnceLock::new();

/// Stops after so long, as a signal does, but for the exit code: 75, try again.
pub(super) fn stop_after(time: Option<Duration>) {
    let Some(time) = time else { return };
    let stop = stop();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        if RECEIVED.compare_exchange(0, TIME_OVER, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tell!(
                "stopping: the {} s of --stop-after are over. What is under way is finished, and the run can be gone on with",
                time.as_secs()
            );
            stop.cancel();
        }
    });
}

/// What is under way may take so long to end once whoever started this process is gone.
const GRACE: Duration = Duration::from_millis(900);
/// Between two looks whether the parent is still the same.
#[cfg(unix)]
const LOOK: Duration = Duration::from_millis(200);

/// Stops as SIGTERM does, and ends the process soon after, whatever is under way.
fn stop_soon(stop: &CancellationToken, why: &str) {
    let first = RECEIVED.compare_exchange(0, TERMINATED, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if first {
        tell!("stopping: {why}");
        stop.cancel();
    }
    std::thread::sleep(GRACE);
    std::process::exit(i32::from(TERMINATED));
}

/// Stops when the process that started this one ends: by the kernel's word where it gives one, and by looking.
#[cfg(unix)]
pub(super) fn exit_with_parent() -> std::io::Result<()> {
    let (parent, stop) = (rustix::process::getppid(), stop());
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    let watch = move || {
        // It may have ended before anybody looked.
        while rustix::process::getppid() == parent {
            std::thread::sleep(LOOK);
        }
        stop_soon(&stop, "the process that started this one has ended");
    };
    std::thread::Builder::new().name("parent".into()).spawn(watch).map(drop)
}

/// Stops when standard input ends. What comes in is not looked at.
pub(super) fn stdin_lifeline() -> std::io::Result<()> {
    let stop = stop();
    let watch = move || {
        let _ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop_soon(&stop, "standard input has ended");
    };
    std::thread::Builder::new().name("lifeline".into()).spawn(watch).map(drop)
}

/// Stops as Ctrl-C does.
#[cfg(unix)]
pub(super) fn stop_by_key() {
    if RECEIVED.compare_exchange(0, INTERRUPTED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        tell!("stopping: what is under way is finished, and the run can be gone on with. Ctrl-C twice to stop at once");
        stop().cancel();
    }
}

/// The process's token, which the first signal cancels.
pub(super) fn stop() -> CancellationToken {
    STOP.get_or_init(listen).clone()
}

fn listen() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let code = next().await;
        RECEIVED.store(code, Ordering::Relaxed);
        tell!("stopping: what is under way is finished, and the run can be gone on with. Again to stop at once");
        stopped.cancel();
        let code = next().await;
        #[cfg(unix)]
        super::keys::give_back();
        std::process::exit(i32::from(code));
    });
    stop
}

/// An interrupted verb's exit code, by what interrupted it.
pub(super) fn exit_code(code: u8) -> u8 {
    match RECEIVED.load(Ordering::Relaxed) {
        received @ (TERMINATED | TIME_OVER) if code == INTERRUPTED => received,
        // No signal of this process: somebody stopped the run by `ctl`.
        0 if code == INTERRUPTED => TIME_OVER,
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
