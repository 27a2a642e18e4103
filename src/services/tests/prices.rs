//! Prices: entering, changing, deleting, and which one is in force.

use super::*;
use crate::model::bounds::PRICE_MAX;
use crate::model::{Amount, Currency, Price, PriceId, PriceInput, PriceSource, Resource, ServerId};

const CONSOLE: &Actor = &Actor::Console;

pub(super) fn price_input(model: &str, input: &str) -> PriceInput {
    let price =
        Price { currency: Currency::USD, input: input.parse().unwrap(), cached_input: None, output: Amount::default() };
    PriceInput { model: model.to_owned(), server_id: None, price, valid_from_ms: None }
}

/// What the only model of the only server costs, and where that comes from.
async fn in_force(services: &Services) -> Option<(String, PriceSource)> {
    let list = services.prices.list(CONSOLE).await.unwrap();
    let model = list.models.first().unwrap();
    model.price.zip(model.source).map(|(price, source)| (price.input.to_string(), source))
}

#[tokio::test]
async fn a_change_is_in_force_at_once() {
    let Fixture { services, catalog, folder: _folder, .. } = fixture().await;
    let server = services.servers.create(CONSOLE, server_input("a")).await.unwrap();
    let at = |time| {
        let price = catalog.snapshot().targets("m").first().unwrap().prices.at(time);
        price.map(|(price, _)| price.input.to_string())
    };
    assert_eq!(in_force(&services).await, None);
    let revision = catalog.snapshot().revision();
    let general = services.prices.create(CONSOLE, price_input("m", "2")).await.unwrap();
    assert!(catalog.snapshot().revision() > revision);
    assert_eq!(in_force(&services).await, Some(("2".to_owned(), PriceSource::Model)));
    assert_eq!(at(general.valid_from_ms - 1), None);
    let own = PriceInput { server_id: Some(server.id), valid_from_ms: Some(5), ..price_input("m", "3.5") };
    let own = services.prices.create(CONSOLE, own).await.unwrap();
    assert_eq!((own.server_name.as_deref(), own.valid_from_ms), (Some("a"), 5));
    assert_eq!(in_force(&services).await, Some(("3.5".to_owned(), PriceSource::Server)));
    assert_eq!(at(4), None);
    let changed = PriceInput { server_id: Some(server.id), valid_from_ms: Some(5), ..price_input("m", "4") };
    services.prices.update(CONSOLE, own.id, changed).await.unwrap();
    assert_eq!(at(6).as_deref(), Some("4"));
    services.prices.delete(CONSOLE, own.id).await.unwrap();
    assert_eq!(in_force(&services).await, Some(("2".to_owned(), PriceSource::Model)));
    let again = services.prices.delete(CONSOLE, own.id).await.unwrap_err();
    assert!(matches!(again, ServiceError::NotFound(Resource::Price)));
    // The prices of a server go with it.
    let own = PriceInput { server_id: Some(server.id), ..price_input("m", "9") };
    services.prices.create(CONSOLE, own).await.unwrap();
    services.servers.delete(CONSOLE, server.id).await.unwrap();
    let entered = services.prices.list(CONSOLE).await.unwrap().entered;
    assert_eq!(entered.into_iter().map(|view| view.id).collect::<Vec<_>>(), [general.id]);
}

#[tokio::test]
async fn every_problem_of_a_price_is_found_at_once() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let wrong = Price {
        currency: Currency::USD,
        input: Amount::from_nanos(-1),
        cached_input: Some("1000000.000000001".parse().unwrap()),
        output: "1000000".parse().unwrap(),
    };
    let input = PriceInput { price: wrong, server_id: Some(ServerId(9)), ..price_input(" m", "1") };
    let range = Problem::OutOfRange { min: 0, max: PRICE_MAX };
    let expected = [
        ("model", Problem::ModelNameInvalid { value: " m".to_owned() }),
        ("price.input", range.clone()),
        ("price.cached_input", range),
        ("server_id", Problem::Unknown),
    ]
    .map(|(field, problem)| FieldProblem::new(field, problem));
    assert_eq!(problems(services.prices.create(CONSOLE, input).await), expected);
    assert_eq!(
        problems(services.prices.create(CONSOLE, price_input("", "1")).await),
        problem("model", Problem::Required)
    );
}

#[tokio::test]
async fn two_prices_never_begin_at_the_same_time() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let at = |time| PriceInput { valid_from_ms: Some(time), ..price_input("m", "1") };
    let first = services.prices.create(CONSOLE, at(1)).await.unwrap();
    assert_eq!(problems(services.prices.create(CONSOLE, at(1)).await), problem("valid_from_ms", Problem::Taken));
    services.prices.create(CONSOLE, at(2)).await.unwrap();
    assert_eq!(
        problems(services.prices.update(CONSOLE, first.id, at(2)).await),
        problem("valid_from_ms", Problem::Taken)
    );
    services.prices.update(CONSOLE, first.id, at(1)).await.unwrap();
    // Nothing said of the beginning: it stays.
    let changed = services.prices.update(CONSOLE, first.id, price_input("m", "7")).await.unwrap();
    assert_eq!((changed.valid_from_ms, changed.price.input.to_string().as_str()), (1, "7"));
    let missing = services.prices.update(CONSOLE, PriceId(99), at(3)).await.unwrap_err();
    assert!(matches!(missing, ServiceError::NotFound(Resource::Price)));
}
