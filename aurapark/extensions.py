"""The Flask extensions, made once and bound to the application in create_app()."""

from typing import TYPE_CHECKING, Any

from flask_babel import Babel
from flask_compress import Compress
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of all models; constraints get readable names, which become messages."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class SessionLogin(LoginManager):  # type: ignore[misc]  # Flask-Login has no types
    """Flask-Login without its remember-me cookie: our sessions are rows that can be ended."""

    def _update_remember_cookie(self, response: Any) -> Any:
        return response

    def _load_user_from_remember_cookie(self, cookie: str) -> None:  # noqa: ARG002  Flask-Login's signature
        return None


migrate = Migrate()
login = SessionLogin()
csrf = CSRFProtect()
babel = Babel()
compress = Compress()
