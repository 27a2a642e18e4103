//! Budgets of apps and keys: entering and changing them.

use super::*;
use crate::model::bounds::BUDGET_TOKENS_MAX;
use crate::model::{
    Amount, AppInput, Budget, BudgetAmount, BudgetLevel, BudgetPeriod, BudgetState, Currency, KeyInput,
};
use crate::services::AppChange;

const CONSOLE: &Actor = &Actor::Console;

fn tokens(period: BudgetPeriod, tokens: u64) -> Budget {
    Budget { period, amount: BudgetAmount::Tokens { tokens }, warn_percent: 80 }
}

fn money(period: BudgetPeriod, amount: &str) -> Budget {
    let amount = BudgetAmount::Money { amount: amount.parse().unwrap(), currency: Currency::USD };
    Budget { period, amount, warn_percent: 80 }
}

fn budgets(states: &[BudgetState]) -> Vec<Budget> {
    states.iter().map(|state| state.budget).collect()
}

#[tokio::test]
async fn apps_and_keys_have_budgets() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let all = vec![
        money(BudgetPeriod::Day, "2.5"),
        tokens(BudgetPeriod::Day, 1000),
        tokens(BudgetPeriod::Month, BUDGET_TOKENS_MAX),
    ];
    let input = AppInput { name: "shop".to_owned(), budgets: all.clone(), ..AppInput::default() };
    let shop = services.apps.create(CONSOLE, input).await.unwrap();
    assert_eq!(budgets(&shop.budgets), all);
    let first = shop.budgets.first().unwrap();
    assert_eq!((first.used, first.reserved, first.level), (0, 0, BudgetLevel::Ok));
    assert!(first.period_start_ms < first.period_end_ms);
    assert_eq!(catalog.snapshot().app(shop.id).unwrap().budgets, all);

    // What is not named stays.
    let shop = services.apps.set_enabled(CONSOLE, shop.id, false).await.unwrap();
    assert_eq!(budgets(&shop.budgets), all);
    let fewer = vec![money(BudgetPeriod::Month, "0.000000001")];
    let change = AppChange { budgets: Some(fewer.clone()), ..AppChange::default() };
    let shop = services.apps.change(CONSOLE, shop.id, change).await.unwrap();
    assert_eq!((budgets(&shop.budgets), shop.enabled), (fewer, false));

    let key = |budgets| KeyInput { name: "k".to_owned(), budgets, ..KeyInput::default() };
    let created = services.keys.create(CONSOLE, key(all.clone())).await.unwrap().view;
    assert_eq!(budgets(&created.budgets), all);
    assert_eq!(budgets(&services.keys.list(CONSOLE).await.unwrap().first().unwrap().budgets), all);
    assert_eq!(catalog.snapshot().keys().next().unwrap().budgets, all);
    let updated = services.keys.update(CONSOLE, created.id, key(Vec::new())).await.unwrap();
    assert_eq!(updated.budgets, []);
}

#[tokio::test]
async fn every_problem_of_budgets_is_found_at_once() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let wrong = vec![
        tokens(BudgetPeriod::Day, 0),
        Budget { warn_percent: 0, ..tokens(BudgetPeriod::Day, BUDGET_TOKENS_MAX + 1) },
        Budget {
            amount: BudgetAmount::Money { amount: Amount::from_nanos(-1), currency: Currency::USD },
            ..tokens(BudgetPeriod::Month, 1)
        },
        Budget { warn_percent: 101, ..money(BudgetPeriod::Day, "1") },
    ];
    let percent = Problem::OutOfRange { min: 1, max: 100 };
    let expected = [
        ("budgets[0].tokens", Problem::NotPositive),
        ("budgets[1].tokens", Problem::TooLarge),
        ("budgets[1].warn_percent", percent.clone()),
        ("budgets", Problem::ListDuplicate { value: "day tokens".to_owned() }),
        ("budgets[2].amount", Problem::NotPositive),
        ("budgets[3].warn_percent", percent),
    ]
    .map(|(field, problem)| FieldProblem::new(field, problem));
    let input = AppInput { name: "shop".to_owned(), budgets: wrong.clone(), ..AppInput::default() };
    assert_eq!(problems(services.apps.create(CONSOLE, input).await), expected);
    let input = KeyInput { name: "k".to_owned(), budgets: wrong, ..KeyInput::default() };
    assert_eq!(problems(services.keys.create(CONSOLE, input).await), expected);
}

#[tokio::test]
async fn an_app_whose_budget_cannot_be_read_is_refused_until_it_is_saved_again() {
    use sea_orm::ConnectionTrait as _;

    let Fixture { services, catalog, database, folder: _folder, .. } = fixture().await;
    let input =
        AppInput { name: "shop".to_owned(), budgets: vec![tokens(BudgetPeriod::Day, 5)], ..AppInput::default() };
    let shop = services.apps.create(CONSOLE, input).await.unwrap();
    let transaction = database.begin_write().await.unwrap();
    transaction.execute_unprepared("UPDATE budgets SET unit = 'telepathy'").await.unwrap();
    transaction.commit().await.unwrap();
    catalog.reload().await.unwrap();
    assert!(!catalog.snapshot().app(shop.id).unwrap().enabled);
    assert!(!services.apps.list(CONSOLE).await.unwrap().first().unwrap().enabled);
    let change = AppChange { budgets: Some(vec![tokens(BudgetPeriod::Day, 5)]), ..AppChange::default() };
    assert!(services.apps.change(CONSOLE, shop.id, change).await.unwrap().enabled);
    assert!(catalog.snapshot().app(shop.id).unwrap().enabled);
}
