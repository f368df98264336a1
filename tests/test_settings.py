"""Settings come from the environment; a wrong one is named, and never shown with its value."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings


def settings_with(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> Settings:
    monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZAIKO_TIMEZONE", "Mars"),
        ("ZAIKO_TIMEZONE", "Asia"),
        ("ZAIKO_TIMEZONE", "../../etc/passwd"),
        ("ZAIKO_CURRENCY", "yen"),
        ("ZAIKO_COUNTRY", "Japan"),
        ("ZAIKO_UPLOAD_LIMIT_MB", "abc"),
        ("ZAIKO_UPLOAD_LIMIT_MB", "0"),
        ("ZAIKO_WORKER_PROCESSES", "-1"),
        ("ZAIKO_POOL_SIZE", "1000"),
        ("ZAIKO_LOG_LEVEL", "LOUD"),
        ("ZAIKO_DATABASE_URL", "mysql://root@db/shop"),
        ("ZAIKO_DATABASE_URL", "postgresql://zaiko:s3cret@db:port/shop"),
        ("ZAIKO_DATABASE_URL", "s3cret"),
    ],
)
def test_a_wrong_value_is_refused_under_the_name_of_its_setting(monkeypatch, name, value):
    with pytest.raises(ValidationError) as refused:
        settings_with(monkeypatch, name, value)
    [error] = refused.value.errors()
    assert "ZAIKO_" + "_".join(map(str, error["loc"])).upper() == name
    assert "s3cret" not in str(refused.value)


def test_an_empty_value_means_the_default(monkeypatch):
    assert settings_with(monkeypatch, "ZAIKO_TIMEZONE", "").timezone == "Asia/Tokyo"
    assert settings_with(monkeypatch, "ZAIKO_DATABASE_URL", "").database_url is None


def test_the_data_folder_may_start_at_home_and_does_not_move_with_the_current_folder(monkeypatch):
    assert settings_with(monkeypatch, "ZAIKO_DATA_DIR", "~/zaiko").data_dir == Path.home() / "zaiko"
    assert (
        settings_with(monkeypatch, "ZAIKO_DATA_DIR", "here").uploads == Path.cwd() / "here/uploads"
    )


def test_the_level_of_logs_may_be_written_in_small_letters(monkeypatch):
    assert settings_with(monkeypatch, "ZAIKO_LOG_LEVEL", "debug").log_level == "DEBUG"


def test_settings_can_be_printed_without_giving_the_password_away(monkeypatch):
    url = "postgresql://zaiko:s3cret@db/shop"
    settings = settings_with(monkeypatch, "ZAIKO_DATABASE_URL", url)
    assert settings.database_url == url
    assert "s3cret" not in repr(settings)


def test_there_are_at_most_fifteen():
    assert len(Settings.model_fields) <= 15
