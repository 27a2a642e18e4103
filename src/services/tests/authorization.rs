//! Nobody unknown gets anything.

use super::*;
use crate::model::{
    AdminTokenId, AppId, AppInput, KeyId, KeyInput, PriceId, ProbeInput, Refusal, RequestQuery, ServerId, UsageQuery,
};
use crate::services::AppChange;
use crate::services::tests::prices::price_input;

#[tokio::test]
async fn every_method_refuses_the_anonymous() {
    let Fixture { services, folder: _folder, .. } = fixture().await;
    let nobody = &Actor::Anonymous;
    let probe = ProbeInput {
        server_id: None,
        provider: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:9".to_owned(),
        api_key: None,
    };
    let refused = [
        services.servers.list(nobody).await.err(),
        services.servers.get(nobody, ServerId(1)).await.err(),
        services.servers.find(nobody, "a").await.err(),
        services.servers.create(nobody, server_input("a")).await.err(),
        services.servers.update(nobody, ServerId(1), server_input("a")).await.err(),
        services.servers.set_enabled(nobody, ServerId(1), true).await.err(),
        services.servers.delete(nobody, ServerId(1)).await.err(),
        services.servers.reorder(nobody, &[]).await.err(),
        services.servers.probe(nobody, probe).await.err(),
        services.servers.probe_saved(nobody, ServerId(1)).await.err(),
        services.apps.list(nobody).await.err(),
        services.apps.create(nobody, AppInput { name: "a".to_owned(), ..AppInput::default() }).await.err(),
        services.apps.set_enabled(nobody, AppId(1), true).await.err(),
        services.apps.set_limits(nobody, AppId(1), Limits::default()).await.err(),
        services.apps.change(nobody, AppId(1), AppChange::default()).await.err(),
        services.apps.delete(nobody, AppId(1)).await.err(),
        services.keys.list(nobody).await.err(),
        services.keys.create(nobody, KeyInput::default()).await.err(),
        services.keys.update(nobody, KeyId(1), KeyInput::default()).await.err(),
        services.keys.revoke(nobody, KeyId(1)).await.err(),
        services.prices.list(nobody).await.err(),
        services.prices.get(nobody, PriceId(1)).await.err(),
        services.prices.create(nobody, price_input("m", "1")).await.err(),
        services.prices.update(nobody, PriceId(1), price_input("m", "1")).await.err(),
        services.prices.delete(nobody, PriceId(1)).await.err(),
        services.queues.servers(nobody).await.err(),
        services.queues.server(nobody, ServerId(1)).await.err(),
        services.queues.app(nobody, AppId(1)).await.err(),
        services.queues.key(nobody, KeyId(1)).await.err(),
        services.queues.cancel(nobody, ServerId(1), uuid::Uuid::nil()).await.err(),
        services.requests.list(nobody, RequestQuery::default()).await.err(),
        services.requests.time_zone(nobody, None).err(),
        services.requests.get(nobody, "a").await.err(),
        services.requests.export(nobody, RequestQuery::default()).await.err(),
        services.stats.usage(nobody, UsageQuery::default()).await.err(),
        services.storage.get(nobody).await.err(),
        services.storage.recording(nobody).await.err(),
        services.overview.get(nobody).await.err(),
        services.admin_tokens.create(nobody, "a").await.err(),
        services.admin_tokens.list(nobody).await.err(),
        services.admin_tokens.revoke(nobody, AdminTokenId(1)).await.err(),
    ];
    for (index, error) in refused.into_iter().enumerate() {
        assert!(matches!(error, Some(ServiceError::SignInRequired)), "method {index}: {error:?}");
    }
}

#[tokio::test]
async fn refusals_say_nothing_of_the_inside() {
    let Fixture { services, database, folder: _folder, .. } = fixture().await;
    database.close().await.unwrap();
    let error = services.servers.list(&Actor::Console).await.unwrap_err();
    assert_eq!(error.refusal("r-1"), Refusal::Unavailable);
    assert!(error.is_failure());
    let error = ServiceError::from(crate::storage::StorageError::NotFound);
    assert_eq!(error.refusal("r-1"), Refusal::Internal { request_id: "r-1".to_owned() });
}
