//! One transaction on either database, behind the same few verbs.
//!
//! On SQLite an `async fn` over [`Tx`] never pends, so it can be driven to its end within one poll; on
//! PostgreSQL it awaits the server and nothing else. Not here: beginning and committing (`lite`, `writer`,
//! `postgres`), the statements (beside their subject).

use bytes::BytesMut;
use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use jiff::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::{
    error::StoreError,
    faults::Faults,
    sql::{Sql, statements},
    value::{Row, Value},
};

/// A transaction that is open now.
pub(crate) struct Tx<'a> {
    connection: Connection<'a>,
    faults: &'a Faults,
}

enum Connection<'a> {
    Lite(&'a mut rusqlite::Connection),
    Pg(&'a deadpool_postgres::Transaction<'a>),
}

statements! {
    /// The one clock that all replicas share. SQLite has one process, whose clock is passed in.
    SERVER_CLOCK = "SELECT CAST(/*pg extract(epoch FROM clock_timestamp()) * 1000000 + */ 0 AS BIGINT)";
}

impl<'a> Tx<'a> {
    pub(crate) fn lite(connection: &'a mut rusqlite::Connection, faults: &'a Faults) -> Tx<'a> {
        Tx {
            connection: Connection::Lite(connection),
            faults,
        }
    }

    pub(crate) fn pg(
        transaction: &'a deadpool_postgres::Transaction<'a>,
        faults: &'a Faults,
    ) -> Tx<'a> {
        Tx {
            connection: Connection::Pg(transaction),
            faults,
        }
    }

    /// Runs a statement and gives the number of rows it touched.
    pub(crate) async fn execute(
        &mut self,
        sql: &'static Sql,
        params: &[Value],
    ) -> Result<u64, StoreError> {
        self.faults.before_statement(sql)?;
        match &mut self.connection {
            Connection::Lite(connection) => lite_execute(connection, sql, params),
            Connection::Pg(transaction) => pg_execute(transaction, sql, params).await,
        }
    }

    /// Runs a statement once for each set of parameters; on PostgreSQL they share round trips.
    pub(crate) async fn execute_each(
        &mut self,
        sql: &'static Sql,
        sets: &[Vec<Value>],
    ) -> Result<Vec<u64>, StoreError> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        self.faults.before_statement(sql)?;
        match &mut self.connection {
            Connection::Lite(connection) => lite_execute_each(connection, sql, sets),
            Connection::Pg(transaction) => {
                let transaction = &**transaction;
                try_join_all(sets.iter().map(|set| pg_execute(transaction, sql, set))).await
            }
        }
    }

    /// Inserts rows in their order: by `eight`, the same statement with eight rows of values, as far as they go, the rest
    /// by `one`. What SQLite does for a statement beside its rows (it reads and writes the table's last number, and keeps
    /// the pages it touches so that the statement can be taken back) costs nearly as much as a row.
    pub(crate) async fn insert_each(
        &mut self,
        one: &'static Sql,
        eight: &'static Sql,
        rows: &[&[Value]],
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.faults.before_statement(one)?;
        let (eights, rest) = rows.split_at(rows.len() - rows.len() % 8);
        for (sql, rows, at_once) in [(eight, eights, 8), (one, rest, 1)] {
            if rows.is_empty() {
                continue;
            }
            match &mut self.connection {
                Connection::Lite(connection) => lite_insert_each(connection, sql, rows, at_once)?,
                Connection::Pg(transaction) => {
                    let transaction = &**transaction;
                    let sets: Vec<Vec<Value>> =
                        rows.chunks(at_once).map(|rows| rows.concat()).collect();
                    try_join_all(sets.iter().map(|set| pg_execute(transaction, sql, set))).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs for each set of parameters `whole`, or on SQLite `less` in its place where that touches a row: the same
    /// change of fewer columns. PostgreSQL sees by itself which values stay as they are. Gives for how many `whole` ran.
    pub(crate) async fn execute_each_or(
        &mut self,
        less: &'static Sql,
        whole: &'static Sql,
        sets: &[Vec<Value>],
    ) -> Result<usize, StoreError> {
        if let Connection::Lite(connection) = &mut self.connection
            && !sets.is_empty()
        {
            self.faults.before_statement(whole)?;
            return lite_execute_each_or(connection, less, whole, sets);
        }
        Ok(self.execute_each(whole, sets).await?.len())
    }

    /// Runs a statement that answers with rows.
    pub(crate) async fn query(
        &mut self,
        sql: &'static Sql,
        params: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        self.faults.before_statement(sql)?;
        match &mut self.connection {
            Connection::Lite(connection) => lite_query(connection, sql, params),
            Connection::Pg(transaction) => pg_query(transaction, sql, params).await,
        }
    }

    /// The first row, if there is one.
    pub(crate) async fn query_first(
        &mut self,
        sql: &'static Sql,
        params: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// All rows, each read by `read`.
    pub(crate) async fn list<T>(
        &mut self,
        sql: &'static Sql,
        params: &[Value],
        read: impl Fn(&mut Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.query(sql, params)
            .await?
            .iter_mut()
            .map(read)
            .collect()
    }

    /// The first row, read by `read`.
    pub(crate) async fn first<T>(
        &mut self,
        sql: &'static Sql,
        params: &[Value],
        read: impl Fn(&mut Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.query_first(sql, params)
            .await?
            .as_mut()
            .map(read)
            .transpose()
    }

    /// See [`crate::Store::limit_size`].
    pub(crate) fn limit_size(&mut self, bytes: u64) -> Result<(), StoreError> {
        match &mut self.connection {
            Connection::Lite(connection) => crate::lite::limit_size(connection, bytes),
            Connection::Pg(_) => Ok(()),
        }
    }

    /// The clock that leases and budgets go by: the server's where replicas share it, else the caller's.
    pub(crate) async fn clock(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        if matches!(self.connection, Connection::Lite(_)) {
            return Ok(now);
        }
        Ok(self
            .first(&SERVER_CLOCK, &[], Row::moment)
            .await?
            .unwrap_or(now))
    }
}

/// Work within one transaction: a function of the transaction and its arguments.
pub(crate) trait Work<A, T>:
    for<'t> Fn(&'t mut Tx<'_>, &'t A) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static
{
}

impl<A, T, F> Work<A, T> for F where
    F: for<'t> Fn(&'t mut Tx<'_>, &'t A) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static
{
}

/// Drives work on SQLite to its end at once.
pub(crate) fn drive<T>(work: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
    work.now_or_never().unwrap_or_else(|| {
        Err(StoreError::Halted(String::from(
            "a SQLite transaction waited for something",
        )))
    })
}

fn lite_execute(
    connection: &rusqlite::Connection,
    sql: &'static Sql,
    params: &[Value],
) -> Result<u64, StoreError> {
    let run = || {
        let mut statement = connection.prepare_cached(sql.lite())?;
        let touched = statement.execute(rusqlite::params_from_iter(params))?;
        Ok(u64::try_from(touched).unwrap_or(u64::MAX))
    };
    run().map_err(|error| crate::lite::classify(sql.name(), error))
}

fn lite_execute_each(
    connection: &rusqlite::Connection,
    sql: &'static Sql,
    sets: &[Vec<Value>],
) -> Result<Vec<u64>, StoreError> {
    let run = || {
        let mut statement = connection.prepare_cached(sql.lite())?;
        let mut touched = Vec::with_capacity(sets.len());
        for set in sets {
            let rows = statement.execute(rusqlite::params_from_iter(set))?;
            touched.push(u64::try_from(rows).unwrap_or(u64::MAX));
        }
        Ok(touched)
    };
    run().map_err(|error| crate::lite::classify(sql.name(), error))
}

fn lite_insert_each(
    connection: &rusqlite::Connection,
    sql: &'static Sql,
    rows: &[&[Value]],
    at_once: usize,
) -> Result<(), StoreError> {
    let run = || {
        let mut statement = connection.prepare_cached(sql.lite())?;
        for rows in rows.chunks(at_once) {
            statement.execute(rusqlite::params_from_iter(rows.iter().copied().flatten()))?;
        }
        Ok(())
    };
    run().map_err(|error| crate::lite::classify(sql.name(), error))
}

fn lite_execute_each_or(
    connection: &rusqlite::Connection,
    less: &'static Sql,
    whole: &'static Sql,
    sets: &[Vec<Value>],
) -> Result<usize, StoreError> {
    let run = || {
        let mut first = connection.prepare_cached(less.lite())?;
        let mut otherwise = connection.prepare_cached(whole.lite())?;
        let mut others = 0;
        for set in sets {
            if first.execute(rusqlite::params_from_iter(set))? == 0 {
                otherwise.execute(rusqlite::params_from_iter(set))?;
                others += 1;
            }
        }
        Ok(others)
    };
    run().map_err(|error| crate::lite::classify(whole.name(), error))
}

fn lite_query(
    connection: &rusqlite::Connection,
    sql: &'static Sql,
    params: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let run = || {
        let mut statement = connection.prepare_cached(sql.lite())?;
        let width = statement.column_count();
        let mut found = statement.query(rusqlite::params_from_iter(params))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let columns = (0..width)
                .map(|column| row.get_ref(column).map(Value::from))
                .collect::<Result<Vec<_>, _>>()?;
            rows.push(Row::new(sql.name(), columns));
        }
        Ok(rows)
    };
    run().map_err(|error| crate::lite::classify(sql.name(), error))
}

async fn pg_execute(
    transaction: &deadpool_postgres::Transaction<'_>,
    sql: &'static Sql,
    params: &[Value],
) -> Result<u64, StoreError> {
    let run = async {
        let statement = transaction.prepare_cached(sql.pg()).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        transaction.execute(&statement, &params).await
    };
    run.await
        .map_err(|error| crate::postgres::classify(sql.name(), error))
}

async fn pg_query(
    transaction: &deadpool_postgres::Transaction<'_>,
    sql: &'static Sql,
    params: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let run = async {
        let statement = transaction.prepare_cached(sql.pg()).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        let mut rows = Vec::new();
        for row in transaction.query(&statement, &params).await? {
            let columns = (0..row.len())
                .map(|column| row.try_get::<_, Value>(column))
                .collect::<Result<Vec<_>, _>>()?;
            rows.push(Row::new(sql.name(), columns));
        }
        Ok(rows)
    };
    run.await
        .map_err(|error| crate::postgres::classify(sql.name(), error))
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Value {
        match value {
            ValueRef::Integer(int) => Value::Int(int),
            // Almost all of it is proved to be text many bytes at a time; only what is not is gone through by letter.
            ValueRef::Text(text) => Value::Text(match std::str::from_utf8(text) {
                Ok(text) => text.to_owned(),
                Err(_) => String::from_utf8_lossy(text).into_owned(),
            }),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            // STRICT tables hold no floating point, and no statement of ours computes one.
            ValueRef::Null | ValueRef::Real(_) => Value::Null,
        }
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(int) => match *ty {
                Type::INT8 => int.to_sql(ty, out),
                Type::INT4 => i32::try_from(*int)?.to_sql(ty, out),
                _ => Err(format!("an integer was bound where `{ty}` is wanted").into()),
            },
            Value::Text(text) => match *ty {
                // PostgreSQL stores no NUL in text; SQLite does.
                Type::TEXT | Type::VARCHAR => text.replace('\0', "\u{fffd}").to_sql(ty, out),
                _ => Err(format!("text was bound where `{ty}` is wanted").into()),
            },
            Value::Blob(bytes) => match *ty {
                Type::BYTEA => bytes.to_sql(ty, out),
                _ => Err(format!("bytes were bound where `{ty}` is wanted").into()),
            },
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        match *ty {
            Type::INT8 => i64::from_sql(ty, raw).map(Value::Int),
            Type::INT4 => i32::from_sql(ty, raw).map(|int| Value::Int(i64::from(int))),
            Type::BYTEA => Vec::from_sql(ty, raw).map(Value::Blob),
            Type::TEXT | Type::VARCHAR => String::from_sql(ty, raw).map(Value::Text),
            _ => Err(format!("a column has type `{ty}`, which is none of ours").into()),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
