//! Table `budgets`: at most one per owner, period and unit.

use std::collections::HashMap;

use sea_orm::sea_query::Condition;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::StorageError;
use crate::model::{Amount, AppId, Budget, BudgetAmount, KeyId};

/// Stands in the currency's column where there is none.
const NO_CURRENCY: &str = "";

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "budgets")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub period: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub unit: String,
        pub amount: i64,
        pub currency: String,
        pub warn_percent: i16,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Whose budget it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BudgetOwner {
    App(AppId),
    Key(KeyId),
}

impl BudgetOwner {
    const fn columns(self) -> (&'static str, i64) {
        match self {
            Self::App(id) => ("app", id.0),
            Self::Key(id) => ("key", id.0),
        }
    }

    fn parse(owner: &str, id: i64) -> Option<Self> {
        match owner {
            "app" => Some(Self::App(AppId(id))),
            "key" => Some(Self::Key(KeyId(id))),
            _ => None,
        }
    }
}

/// The budgets of one owner as they are stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct BudgetRows {
    pub(crate) budgets: Vec<Budget>,
    /// A column whose value this version cannot read; that budget is missing.
    pub(crate) unreadable: Option<&'static str>,
}

impl BudgetRows {
    /// Budgets that are no question.
    pub(crate) const fn readable(budgets: Vec<Budget>) -> Self {
        Self { budgets, unreadable: None }
    }
}

/// Every budget, by owner.
pub(crate) async fn list(connection: &impl ConnectionTrait) -> Result<HashMap<BudgetOwner, BudgetRows>, StorageError> {
    let mut all: HashMap<BudgetOwner, BudgetRows> = HashMap::new();
    for row in entity::Entity::find().all(connection).await? {
        // A kind of owner that this version does not know has no requests here either.
        let Some(owner) = BudgetOwner::parse(&row.owner, row.owner_id) else { continue };
        let rows = all.entry(owner).or_default();
        match read(&row) {
            Ok(budget) => rows.budgets.push(budget),
            Err(column) => rows.unreadable = Some(column),
        }
    }
    for rows in all.values_mut() {
        rows.budgets.sort_by_key(|budget| (budget.period, unit(budget)));
    }
    Ok(all)
}

fn read(row: &entity::Model) -> Result<Budget, &'static str> {
    let amount = match row.unit.as_str() {
        "tokens" => BudgetAmount::Tokens { tokens: u64::try_from(row.amount).map_err(|_| "amount")? },
        "money" => BudgetAmount::Money {
            amount: Amount::from_nanos(row.amount),
            currency: row.currency.parse().map_err(|_| "currency")?,
        },
        _ => return Err("unit"),
    };
    Ok(Budget {
        period: row.period.parse().map_err(|_| "period")?,
        amount,
        warn_percent: u8::try_from(row.warn_percent).map_err(|_| "warn_percent")?,
    })
}

/// Puts these budgets in the place of those that an owner had.
pub(crate) async fn replace(
    transaction: &DatabaseTransaction,
    owner: BudgetOwner,
    budgets: &[Budget],
) -> Result<(), StorageError> {
    entity::Entity::delete_many().filter(is_of(owner)).exec(transaction).await?;
    let (owner, owner_id) = owner.columns();
    let mut rows = Vec::with_capacity(budgets.len());
    for budget in budgets {
        let (amount, currency) = match budget.amount {
            BudgetAmount::Tokens { tokens } => (
                i64::try_from(tokens).map_err(|_| StorageError::Unreadable { table: "budgets", column: "amount" })?,
                NO_CURRENCY.to_owned(),
            ),
            BudgetAmount::Money { amount, currency } => (amount.nanos, currency.to_string()),
        };
        rows.push(entity::ActiveModel {
            owner: Set(owner.to_owned()),
            owner_id: Set(owner_id),
            period: Set(budget.period.as_str().to_owned()),
            unit: Set(unit(budget).to_owned()),
            amount: Set(amount),
            currency: Set(currency),
            warn_percent: Set(i16::from(budget.warn_percent)),
        });
    }
    if !rows.is_empty() {
        entity::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    }
    Ok(())
}

fn is_of(owner: BudgetOwner) -> Condition {
    let (owner, owner_id) = owner.columns();
    Condition::all().add(entity::Column::Owner.eq(owner)).add(entity::Column::OwnerId.eq(owner_id))
}

const fn unit(budget: &Budget) -> &'static str {
    match budget.amount {
        BudgetAmount::Tokens { .. } => "tokens",
        BudgetAmount::Money { .. } => "money",
    }
}
