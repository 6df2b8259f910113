//! One slot of the pool: an instance, replaced after a trap, or when it is used up.

use std::sync::Arc;

use wasmtime::component::InstancePre;

use super::contract::drift::migration::types as wit;
use super::grants::Grants;
use super::guest_log::RunLog;
use super::instance::{Instance, State};
use super::limits::Limits;
use super::trap::Trapped;
use super::{lift, lower, said};
use crate::migration::{Cost, Direction, FailureKind, ItemFailure, Reply, RunContext, Worker};
use crate::model::{self, Item};

pub(super) struct Slot {
    pre: InstancePre<State>,
    limits: Limits,
    grants: Grants,
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
        pre: InstancePre<State>,
        limits: Limits,
        grants: Grants,
        run: &Arc<RunContext>,
        direction: Direction,
        draws: bool,
    ) -> Result<Self, Trapped> {
        let run_log = RunLog::new(&limits);
        let mut slot = Self { pre, limits, grants, run: run.clone(), direction, draws, run_log, instance: None, cost: None };
        // Even where each item has an instance of its own: so that one which does not start is told before the scan.
        slot.instance = Some(slot.instance_for(None)?).filter(|_| !limits.fresh_instances);
        Ok(slot)
    }

    /// Counts the logs that are kept together with those of other slots.
    pub(super) fn keep_log(self, run_log: RunLog) -> Self {
        Self { run_log, ..self }
    }

    fn instance_for(&self, key: Option<&str>) -> Result<Instance, Trapped> {
        let key = key.filter(|_| self.limits.fresh_instances);
        Instance::start(&self.pre, &self.limits, &self.run, self.direction, key)
    }

    fn ask(&mut self, item: &Item) -> Result<Reply, ItemFailure> {
        let key = self.draws.then(|| self.run.key.key_of(item).map_or_else(|problem| problem, |key| key.to_string()));
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.instance_for(key.as_deref()).map_err(Trapped::of_item)?,
        };
        let gathered = lower::Gathered::of(item);
        let lowered = lower::Lowered::new(item, &gathered);
        // After a trap the instance is dead: it is dropped here, and the next item starts another.
        self.cost = None;
        let answer = instance.call(lowered.param(), key.as_deref()).map_err(Trapped::of_item)?;
        self.cost = Some(instance.cost);
        let log = instance.store.data_mut().log.take();
        self.instance = Some(instance).filter(|instance| !instance.is_used_up());
        let (kind, message) = match answer {
            Err(message) => (FailureKind::Error, said::message(&message)),
            Ok(lifted) => match self.checked(lifted, item) {
                Ok(actions) => return Ok(Reply { actions, log }),
                Err((kind, message)) => (kind, said::message(&message)),
            },
        };
        Err(ItemFailure { kind, message, backtrace: None, log })
    }

    fn checked(&self, lifted: Vec<wit::Action>, item: &Item) -> Result<Vec<model::Action>, (FailureKind, String)> {
        let invalid = |problem: String| (FailureKind::Invalid, format!("returned what cannot be believed: {problem}"));
        if lifted.len() > self.limits.actions {
            let (has, most) = (lifted.len(), self.limits.actions);
            return Err(invalid(format!("{has} actions for one item; the limit is {most} (--limit actions)")));
        }
        let actions = lift::actions(lifted).map_err(invalid)?;
        if let Some(name) = self.run.secrets.written_by(&actions) {
            let why = format!("would write the value of the secret argument {name}, which must stand nowhere");
            return Err((FailureKind::Invalid, why));
        }
        self.grants.check(&actions, &self.run.table).map_err(|problem| (FailureKind::Denied, problem))?;
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
