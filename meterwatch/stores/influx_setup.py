"""Making an InfluxDB 2 server ready: buckets, their retention, and the mapping through which InfluxQL finds them."""

# mypy: allow-untyped-calls
# The API that influxdb-client generates carries no types.

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from influxdb_client.client.bucket_api import BucketsApi
from influxdb_client.client.organizations_api import OrganizationsApi
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.dbrp_create import DBRPCreate
from influxdb_client.domain.onboarding_request import OnboardingRequest
from influxdb_client.rest import ApiException
from influxdb_client.service.dbr_ps_service import DBRPsService
from influxdb_client.service.setup_service import SetupService

from meterwatch.core.errors import Refusal
from meterwatch.core.model.phrase import Lang, Phrase
from meterwatch.stores.influx import Influx
from meterwatch.stores.influx_options import InfluxOptions

_DAY_S = 86_400
# Each shard that a query touches costs time: day totals are few, and read by the year.
_READINGS_SHARD_DAYS = 7
_TOTALS_SHARD_DAYS = 364

_NOT_SET_UP = Phrase(
    "the InfluxDB at {url} was never set up: name a user and a password for its first account",
    "{url} 的 InfluxDB 尚未初始化：请提供首个账户的用户名和密码",
)
_NO_ORGANIZATION = Phrase(
    "the token finds no organization {org} in the InfluxDB at {url}: check the name, or use an all-access token",
    "该令牌在 {url} 的 InfluxDB 中找不到组织 {org}：请检查名称，或使用全权限令牌",
)
_SET_UP = Phrase("server set up with organization {org}, user {user}", "服务器已初始化：组织 {org}，用户 {user}")
_WAS_SET_UP = Phrase("server: was set up before", "服务器：此前已初始化")
_MADE = Phrase(
    "bucket {bucket}: made, keeps {days} days (0 = for ever)", "存储桶 {bucket}：已创建，保留 {days} 天（0 = 永久）"
)
_CHANGED = Phrase(
    "bucket {bucket}: now keeps {days} days (0 = for ever)", "存储桶 {bucket}：保留期改为 {days} 天（0 = 永久）"
)
_WAS_THERE = Phrase(
    "bucket {bucket}: is there, keeps {days} days (0 = for ever)", "存储桶 {bucket}：已存在，保留 {days} 天（0 = 永久）"
)
_MAPPED = Phrase("InfluxQL mapping of {bucket}: made", "{bucket} 的 InfluxQL 映射：已创建")
_WAS_MAPPED = Phrase("InfluxQL mapping of {bucket}: is there", "{bucket} 的 InfluxQL 映射：已存在")


@dataclass(frozen=True, slots=True)
class Onboarding:
    """The first account of a server that was never set up."""

    user: str
    password: str = field(repr=False)
    """At least eight characters."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was found or done; ``changed`` says which."""

    changed: bool
    phrase: Phrase
    figures: Mapping[str, object] = field(default_factory=dict)

    def say(self, lang: Lang) -> str:
        """Return the step in ``lang``."""
        return self.phrase.say(lang, **self.figures)


def prepare(options: InfluxOptions, *, admin_token: str | None = None, onboard: Onboarding | None = None) -> list[Step]:
    """Make everything ``options`` name that is not there yet; return the steps. Done twice it changes nothing.

    ``admin_token`` may make buckets where the service's own token may not. ``onboard`` sets up a new server, with the
    token of the options (or ``admin_token``) as its all-access token. Raises Refusal if the server was never set up and
    ``onboard`` is None, or if it has no such organization; Unavailable if it does not answer or does not let us in.
    """
    token = options.token if admin_token is None else admin_token
    with closing(Influx(replace(options, token=token))) as influx, influx.answering():
        steps = [_onboard(influx, onboard)]
        org_id = _organization(influx)
        for name, days, shard_days in (
            (options.bucket, options.retention_days, _READINGS_SHARD_DAYS),
            (options.totals_bucket, options.totals_retention_days, _TOTALS_SHARD_DAYS),
        ):
            bucket, step = _bucket(influx, org_id, name, days, shard_days)
            steps += [step, _mapping(influx, org_id, bucket)]
    return steps


def _onboard(influx: Influx, onboard: Onboarding | None) -> Step:
    options, setup = influx.options, SetupService(influx.client.api_client)
    if not setup.get_setup().allowed:
        return Step(False, _WAS_SET_UP)
    if onboard is None:
        raise Refusal(_NOT_SET_UP, url=options.url)
    request = OnboardingRequest(
        username=onboard.user,
        password=onboard.password,
        org=options.org,
        bucket=options.bucket,
        retention_period_seconds=options.retention_days * _DAY_S,
        token=options.token,
    )
    setup.post_setup(request)
    return Step(True, _SET_UP, {"org": options.org, "user": onboard.user})


def _organization(influx: Influx) -> str:
    try:
        found = OrganizationsApi(influx.client).find_organizations(org=influx.options.org)
    except ApiException as problem:
        if problem.status != 404:
            raise
        found = []
    if not found:
        raise Refusal(_NO_ORGANIZATION, org=influx.options.org, url=influx.options.url)
    return str(found[0].id)


def _bucket(influx: Influx, org_id: str, name: str, days: int, shard_days: int) -> tuple[Any, Step]:
    buckets = BucketsApi(influx.client)
    figures = {"bucket": name, "days": days}
    shard_s = min(shard_days, days or shard_days) * _DAY_S
    rule = BucketRetentionRules("expire", every_seconds=days * _DAY_S, shard_group_duration_seconds=shard_s)
    bucket = next((each for each in buckets.find_buckets_iter(org_id=org_id) if each.name == name), None)
    if bucket is None:
        return buckets.create_bucket(bucket_name=name, org=org_id, retention_rules=rule), Step(True, _MADE, figures)
    if sum(found.every_seconds for found in bucket.retention_rules) == rule.every_seconds:
        return bucket, Step(False, _WAS_THERE, figures)
    bucket.retention_rules = [rule]
    return buckets.update_bucket(bucket), Step(True, _CHANGED, figures)


def _mapping(influx: Influx, org_id: str, bucket: Any) -> Step:
    """Map the bucket explicitly: the virtual mapping that newer servers invent goes away when the bucket is renamed."""
    mappings = DBRPsService(influx.client.api_client)
    found = mappings.get_dbr_ps(org_id=org_id, db=bucket.name, bucket_id=bucket.id).content or []
    if any(mapping.default and not mapping.virtual for mapping in found):
        return Step(False, _WAS_MAPPED, {"bucket": bucket.name})
    mappings.post_dbrp(
        DBRPCreate(org_id=org_id, bucket_id=bucket.id, database=bucket.name, retention_policy="autogen", default=True)
    )
    return Step(True, _MAPPED, {"bucket": bucket.name})
