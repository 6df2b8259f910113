//! One slot of the pool: an instance, replaced after a trap, or when it is used up.

use std::sync::Arc;

use super::contract::Answer;
use super::grants::Judge;
use super::guest_log::RunLog;
use super::instance::{Instance, Loaded};
use super::said;
use super::trap::Trapped;
use crate::migration::{Cost, Direction, FailureKind, ItemFailure, Reply, RunContext, Worker};
use crate::model::{self, Item};

pub(super) struct Slot {
    loaded: Loaded,
    judge: Judge,
    run: Arc<RunContext>,
    direction: Direction,
    /// Whether the plugin can draw random numbers, which begin anew for each item.
    draws: bool,
    run_log: RunLog,
    instance: Option<Instance>,
    /// Of the last item that did not trap.
    cost: Option<Cost>,
}

impl Slot {
    /// A slot with an instance that has started.
    pub(super) fn start(
        loaded: Loaded,
        judge: Judge,
        run: &Arc<RunContext>,
        direction: Direction,
        draws: bool,
    ) -> Result<Self, Trapped> {
        let limits = loaded.limits;
        let run_log = RunLog::new(&limits);
        let mut slot = Self { loaded, judge, run: run.clone(), direction, draws, run_log, instance: None, cost: None };
        // Even where each item has an instance of its own: so that one which does not start is told before the scan.
        slot.instance = Some(slot.instance_for(None)?).filter(|_| !limits.fresh_instances);
        Ok(slot)
    }

    /// Counts the logs that are kept together with those of other slots.
    pub(super) fn keep_log(self, run_log: RunLog) -> Self {
        Self { run_log, ..self }
    }

    fn instance_for(&self, key: Option<&str>) -> Result<Instance, Trapped> {
        let key = key.filter(|_| self.loaded.limits.fresh_instances);
        Instance::start(&self.loaded, &self.run, self.direction, key)
    }

    fn ask(&mut self, item: &Item) -> Result<Reply, ItemFailure> {
        let key = self.draws.then(|| self.run.key.key_of(item).map_or_else(|problem| problem, |key| key.to_string()));
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.instance_for(key.as_deref()).map_err(Trapped::of_item)?,
        };
        // After a trap the instance is dead: it is dropped here, and the next item starts another.
        self.cost = None;
        let answer = instance.call(item, key.as_deref()).map_err(Trapped::of_item)?;
        self.cost = Some(instance.cost);
        let log = instance.store.data_mut().log.take();
        self.instance = Some(instance).filter(|instance| !instance.is_used_up());
        let (kind, message) = match self.believed(answer, item) {
            Ok(actions) => return Ok(Reply { actions, log }),
            Err((kind, message)) => (kind, self.said(&message)),
        };
        Err(ItemFailure { kind, message, backtrace: None, log })
    }

    /// What it said, fit to be shown: the values of secret arguments go first, while they stand as they are.
    fn said(&self, text: &str) -> String {
        said::message(&self.run.secrets.mask(text))
    }

    /// The actions, if they are few enough, granted, and can be carried out.
    fn believed(&self, answer: Answer, item: &Item) -> Result<Vec<model::Action>, (FailureKind, String)> {
        let invalid = |problem: String| (FailureKind::Invalid, format!("returned what cannot be believed: {problem}"));
        let actions = match answer {
            Answer::Actions(actions) => actions,
            Answer::Error(message) => return Err((FailureKind::Error, message)),
            Answer::Invalid(problem) => return Err(invalid(problem)),
        };
        let (has, most) = (actions.len(), self.loaded.limits.actions);
        if has > most {
            return Err(invalid(format!("{has} actions for one item; the limit is {most} (--limit actions)")));
        }
        if let Some(name) = self.run.secrets.written_by(&actions) {
            let why = format!("would write the value of the secret argument {name}, which must stand nowhere");
            return Err((FailureKind::Invalid, why));
        }
        let key = || self.run.key.key_of(item).map_or_else(|problem| problem, |key| key.to_string());
        self.judge.check_actions(&actions, &self.run.table, &key).map_err(|problem| (FailureKind::Denied, problem))?;
        model::validate(&actions, item, &self.run.table, &self.run.key).map_err(invalid)?;
        Ok(actions)
    }
}

impl Worker for Slot {
    fn call(&mut self, item: &Item) -> Result<Reply, ItemFailure> {
        let secrets = &self.run.secrets.clone();
        // The log is masked as it is written.
        self.ask(item).map_err(|failure| ItemFailure {
            message: secrets.mask(&failure.message).into_owned(),
            backtrace: failure.backtrace.map(|trace| secrets.mask(&trace).into_owned()),
            log: self.run_log.keep(failure.log),
            ..failure
        })
    }

    fn cost(&self) -> Option<Cost> {
        self.cost
    }
}
