//! Tasks as rows and back.
//!
//! In come tasks and rows, out come the other. Addresses that are those of another task are stored as its number.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use url::Url;

use super::error::Fault;
use super::prepared::Prepared;
use crate::task::{HostKey, Meta, Method, NewTask, Request, StageId, Task, TaskId};

/// Addresses of referring pages that are held; then all are forgotten.
const HELD: usize = 1 << 12;

/// The stage with a number in the store.
pub(super) type StageOf<'a> = dyn Fn(i64) -> Result<StageId, Fault> + 'a;

/// An address that may be another task's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// None, or that of the task itself.
    Null,
    /// That of this task.
    Of(i64),
    /// This one.
    Literal(Arc<str>),
}

impl ToSql for Text {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Of(id) => ToSqlOutput::Owned(Value::Integer(*id)),
            Self::Literal(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl rusqlite::types::FromSql for Text {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(id) => Ok(Self::Of(id)),
            other => other.as_str().map(|text| Self::Literal(text.into())),
        }
    }
}

/// The task on whose page another one was found.
pub(super) struct Parent<'a> {
    pub(super) task: &'a Task,
    /// Where its own start URL is.
    pub(super) start_url: &'a Text,
}

/// Appends a task.
pub(super) fn insert_task(
    prepared: &mut Prepared<'_>,
    id: i64,
    fp: i64,
    stage: i64,
    new: &NewTask,
    parent: Option<&Parent<'_>>,
) -> Result<(), Fault> {
    let url = new.request.url.as_str();
    let referrer = match (&new.referrer, parent) {
        (None, _) => Text::Null,
        (Some(text), Some(parent)) if **text == *parent.task.request.url.as_str() => {
            Text::Of(parent.task.id.0.cast_signed())
        }
        (Some(text), _) => Text::Literal(Arc::clone(text)),
    };
    let start_url = match parent {
        _ if *new.start_url == *url => Text::Null,
        Some(parent) if parent.task.start_url == new.start_url => match parent.start_url {
            Text::Null => Text::Of(parent.task.id.0.cast_signed()),
            of @ (Text::Of(_) | Text::Literal(_)) => of.clone(),
        },
        _ => Text::Literal(Arc::clone(&new.start_url)),
    };
    let meta = if new.meta.is_empty() { None } else { Some(json(&*new.meta)?) };
    let method = match new.request.method {
        Method::Get => 0,
        Method::Post => 1,
    };
    let insert = prepared.get(
        "INSERT INTO task (id, fp, stage, url, method, body, depth, referrer, start_url, meta)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute((id, fp, stage, url, method, new.request.body.as_deref(), new.depth, referrer, start_url, meta))?;
    Ok(())
}

/// A task as it lies in the store, and what goes with it.
pub(super) struct TaskRow {
    pub(super) task: Task,
    pub(super) start_url: Text,
    pub(super) tries: u32,
}

/// Addresses by the tasks that they belong to, as far as they are held.
#[derive(Default)]
pub(super) struct Texts(HashMap<i64, Arc<str>>);

impl Texts {
    /// The address of task `id`.
    pub(super) fn of(&mut self, conn: &Connection, id: i64) -> Result<Arc<str>, Fault> {
        if let Some(text) = self.0.get(&id) {
            return Ok(Arc::clone(text));
        }
        let mut select = conn.prepare_cached("SELECT url FROM task WHERE id = ?1")?;
        let text: Option<Arc<str>> = select.query_row([id], |row| row.get(0)).optional()?;
        let text = text.ok_or_else(|| garbled(id, "it is missing"))?;
        if self.0.len() >= HELD {
            self.0.clear();
        }
        self.0.insert(id, Arc::clone(&text));
        Ok(text)
    }

    fn resolve(&mut self, conn: &Connection, text: &Text) -> Result<Option<Arc<str>>, Fault> {
        match text {
            Text::Null => Ok(None),
            Text::Of(id) => self.of(conn, *id).map(Some),
            Text::Literal(text) => Ok(Some(Arc::clone(text))),
        }
    }
}

impl TaskRow {
    fn read(
        conn: &Connection,
        row: &Row<'_>,
        priority: i32,
        stages: &StageOf<'_>,
        texts: &mut Texts,
    ) -> Result<Self, Fault> {
        let id: i64 = row.get(0)?;
        let url = row.get_ref(2)?.as_str().map_err(|error| garbled(id, error))?;
        let url = Url::parse(url).map_err(|error| garbled(id, error))?;
        let method = match row.get(3)? {
            0i64 => Method::Get,
            1 => Method::Post,
            other => return Err(garbled(id, format_args!("there is no method {other}"))),
        };
        let meta = match row.get_ref(8)? {
            ValueRef::Null => Meta::default(),
            text => Arc::new(parse(text.as_str().unwrap_or_default(), id)?),
        };
        let start_url: Text = row.get(7)?;
        let start = match texts.resolve(conn, &start_url)? {
            Some(start) => start,
            None => url.as_str().into(),
        };
        let task = Task {
            id: TaskId(id.cast_unsigned()),
            stage: stages(row.get(1)?)?,
            host: HostKey::of(&url),
            request: Request { method, url, body: row.get(4)? },
            priority,
            depth: row.get(5)?,
            meta,
            referrer: texts.resolve(conn, &row.get(6)?)?,
            start_url: start,
            attempts: row.get(9)?,
            requests: row.get(10)?,
        };
        Ok(Self { task, start_url, tries: row.get(11)? })
    }

    /// Finds a task by its number.
    pub(super) fn find(
        prepared: &mut Prepared<'_>,
        id: i64,
        priority: i32,
        stages: &StageOf<'_>,
        texts: &mut Texts,
    ) -> Result<Self, Fault> {
        let conn = prepared.conn();
        let select = prepared.get(
            "SELECT id, stage, url, method, body, depth, referrer, start_url, meta, attempts, requests, tries
             FROM task WHERE id = ?1",
        )?;
        let mut rows = select.query([id])?;
        let row = rows.next()?.ok_or_else(|| garbled(id, "it is missing"))?;
        Self::read(conn, row, priority, stages, texts)
    }
}

/// JSON for a column.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Io(error.into()))
}

/// JSON from a column of task `id`.
pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str, id: i64) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| garbled(id, error))
}

/// A task that cannot be read.
pub(super) fn garbled(id: i64, why: impl std::fmt::Display) -> Fault {
    Fault::Damaged(format!("task {id}: {why}"))
}
