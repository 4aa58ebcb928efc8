//! The recipe: the stages of a config, compiled once and shared by all workers.
//!
//! In come the `[stage.*]` tables; out go stages that can read pages, found by id or by name. It knows no page.

use std::sync::Arc;

use super::document::Needs;
use super::fields::Field;
use super::links::LinkRule;
use super::selector::{Selector, SelectorError, Source};
use super::shortfall::Sought;
use crate::config::{self, Expect};
use crate::task::StageId;

/// What cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// A selector does not parse.
    #[error("stage {stage}, {place}: {error}")]
    Selector {
        /// The stage.
        stage: String,
        /// Where in it: `expect`, a link or a field.
        place: String,
        /// The selector, and what is wrong with it.
        #[source]
        error: SelectorError,
    },
    /// A link leads to a stage that is not there.
    #[error("stage {stage}: a link leads to {to:?}, which is not a stage")]
    UnknownStage {
        /// The stage with the link.
        stage: String,
        /// Where it leads.
        to: String,
    },
    /// There are more stages than there are numbers for them.
    #[error("{count} stages are too many: 65536 at most")]
    TooManyStages {
        /// How many there are.
        count: usize,
    },
}

/// What proves a real page; [`Expect`], compiled.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    Any,
    Nothing,
    Selector(Selector),
}

/// One stage, compiled.
#[derive(Clone, Debug)]
pub struct Stage {
    id: StageId,
    name: Arc<str>,
    priority: i32,
    proof: Proof,
    needs: Needs,
    links: Vec<LinkRule>,
    fields: Vec<Field>,
    field_names: Vec<Arc<str>>,
}

/// All stages of a config, compiled. It can be shared by threads.
#[derive(Clone, Debug)]
pub struct Recipe {
    stages: Vec<Stage>,
}

impl Recipe {
    /// Compiles stages; their ids are their places.
    ///
    /// # Errors
    /// A selector that does not parse, or a link to a stage that is not there: the first of them.
    pub fn compile(stages: &[config::Stage]) -> Result<Self, RecipeError> {
        if u16::try_from(stages.len().saturating_sub(1)).is_err() {
            return Err(RecipeError::TooManyStages { count: stages.len() });
        }
        let compiled = (0..=u16::MAX).zip(stages).map(|(id, stage)| Stage::compile(StageId(id), stage, stages));
        Ok(Self { stages: compiled.collect::<Result<_, _>>()? })
    }

    /// A stage by its id.
    ///
    /// # Panics
    /// If the id is of another recipe, which has more stages.
    pub fn stage(&self, id: StageId) -> &Stage {
        &self.stages[usize::from(id.0)]
    }

    /// The id of a stage by its name.
    pub fn stage_id(&self, name: &str) -> Option<StageId> {
        self.stages.iter().find(|stage| &*stage.name == name).map(|stage| stage.id)
    }

    /// All stages, in the order of their ids.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }
}

impl Stage {
    fn compile(id: StageId, stage: &config::Stage, all: &[config::Stage]) -> Result<Self, RecipeError> {
        let selector = |place: String| {
            let stage = stage.name.clone();
            move |error| RecipeError::Selector { stage, place, error }
        };
        let proof = match &stage.expect {
            Expect::Any => Proof::Any,
            Expect::Nothing => Proof::Nothing,
            Expect::Selector(text) => Proof::Selector(Selector::parse(text).map_err(selector("expect".into()))?),
        };
        let mut links = Vec::with_capacity(stage.links.len());
        for link in &stage.links {
            let to = position(all, &link.to)
                .ok_or_else(|| RecipeError::UnknownStage { stage: stage.name.clone(), to: link.to.clone() })?;
            links.push(LinkRule::compile(link, to).map_err(selector(format!("link to {}", link.to)))?);
        }
        let mut fields = Vec::with_capacity(stage.fields.len());
        for field in &stage.fields {
            fields.push(Field::compile(field).map_err(selector(format!("field {}", field.name)))?);
        }
        let field_names = fields.iter().map(|field| Arc::clone(field.name())).collect();
        let name = stage.name.as_str().into();
        let needs = needs(&proof, &links, &fields);
        Ok(Self { id, name, priority: stage.priority, proof, needs, links, fields, field_names })
    }

    /// Its id.
    pub const fn id(&self) -> StageId {
        self.id
    }

    /// Its name.
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its priority: higher goes first within a host.
    pub const fn priority(&self) -> i32 {
        self.priority
    }

    /// The names of its fields, in the order of a record's values.
    pub fn field_names(&self) -> &[Arc<str>] {
        &self.field_names
    }

    pub(super) const fn proof(&self) -> &Proof {
        &self.proof
    }

    /// How its pages are parsed.
    pub(super) const fn needs(&self) -> Needs {
        self.needs
    }

    pub(super) fn links(&self) -> &[LinkRule] {
        &self.links
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// All that its pages are searched for.
    pub(super) fn sought(&self) -> impl Iterator<Item = Sought> {
        let links = self.links.iter();
        let links =
            links.map(|link| Sought { name: Arc::clone(link.name()), selector: Arc::clone(link.select().text()) });
        links.chain(self.fields.iter().filter(|field| field.select().reads_page()).map(Sought::from))
    }
}

fn needs(proof: &Proof, links: &[LinkRule], fields: &[Field]) -> Needs {
    let proof = match proof {
        Proof::Any | Proof::Nothing => None,
        Proof::Selector(selector) => Some(selector),
    };
    let mut needs = Needs { html: !links.is_empty(), json: false };
    for selector in fields.iter().map(Field::select).chain(proof) {
        match selector.source() {
            Source::Css(_) => needs.html = true,
            Source::Json(_) => needs.json = true,
            Source::Meta(_) | Source::Const(_) => {}
        }
    }
    needs
}

fn position(stages: &[config::Stage], name: &str) -> Option<StageId> {
    (0..=u16::MAX).zip(stages).find(|(_, stage)| stage.name == name).map(|(id, _)| StageId(id))
}
