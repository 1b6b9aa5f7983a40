"""Signing in and passwords: Django's own forms and views in the look of the pages, with guessing slowed down."""

import logging
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import views as auth_views
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from unfold.forms import AuthenticationForm as UnfoldAuthenticationForm

from conversations import audit
from conversations.audit import Act
from valuecell_site import throttle
from valuecell_site.addresses import client_address

logger = logging.getLogger(__name__)


def _begin(what: str, name: str, address: str) -> str:
    """`throttle.begin`, its refusal in words of a form."""
    try:
        return throttle.begin(what, name, address, now=timezone.now())
    except throttle.MustWait as wait:
        logger.warning("tries are refused", extra={"event": f"{what}.throttled", "address": address})
        text = _("Too many tries from here. Wait %(span)s, then try again.") % {"span": wait.words}
        raise ValidationError(text, code="wait", params={"seconds": wait.seconds}) from None


class _Throttled(auth_forms.AuthenticationForm):
    """A sign-in form that counts wrong passwords by name and address."""

    request: HttpRequest

    def clean(self) -> dict[str, Any]:
        """Refuses without looking at the password where there were too many."""
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        tried = _begin("sign_in", name, client_address(self.request) if self.request else "")
        cleaned = super().clean()
        throttle.succeeded(tried)
        return cleaned


class SignInForm(_Throttled):
    """The pages' own."""


class AdminSignInForm(_Throttled, UnfoldAuthenticationForm):
    """Admin's."""


class _Styled(forms.Form):
    """Fields in the look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "field"


class ChangeForm(_Styled, auth_forms.PasswordChangeForm):
    """Whoever finds a session open still has to know the password, and cannot guess it either."""

    def clean_old_password(self) -> str:
        """As Django does, with tries counted."""
        tried = _begin("password_change", str(self.user.pk), "")
        old = super().clean_old_password()
        throttle.succeeded(tried)
        return str(old)


class ForgottenForm(_Styled, auth_forms.PasswordResetForm):
    """Asks for a mail with a link; what it answers never tells whether anybody has that address."""

    def clean_email(self) -> str:
        """Few mails to one address, whoever asks."""
        email = str(self.cleaned_data["email"])
        _begin("password_reset", email, "")
        return email

    def save(self, *args: Any, **options: Any) -> None:
        """Links lead to PUBLIC_URL: the Host header is the sender's to write."""
        public = urlsplit(settings.PUBLIC_URL)
        options |= {"domain_override": public.netloc, "use_https": public.scheme == "https"}
        super().save(*args, **options)


class SetForm(_Styled, auth_forms.SetPasswordForm):
    """A new password, by the link of the mail."""


class SignIn(auth_views.LoginView):
    """`/accounts/login/`."""

    form_class = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        """429 where tries have to wait, for programs that do not read words."""
        response = super().form_invalid(form)
        for error in form.non_field_errors().as_data():
            if error.code == "wait":
                response.status_code = 429
                response["Retry-After"] = str(error.params["seconds"])
        return response


class Change(auth_views.PasswordChangeView):
    """`/accounts/password/`. All other sessions end with it."""

    form_class = ChangeForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("password_changed")

    def form_valid(self, form: Any) -> HttpResponse:
        """Changed and recorded in one."""
        with transaction.atomic():
            response = super().form_valid(form)
            audit.record(Act.PASSWORD_CHANGED, now=timezone.now(), request=self.request, subject=form.user)
        return response


class Changed(auth_views.PasswordChangeDoneView):
    """`/accounts/password/changed/`."""

    template_name = "accounts/password_changed.html"


class Forgotten(auth_views.PasswordResetView):
    """`/accounts/password/forgotten/`."""

    form_class = ForgottenForm
    template_name = "accounts/password_forgotten.html"
    email_template_name = "accounts/password_mail.txt"
    subject_template_name = "accounts/password_mail_subject.txt"
    success_url = reverse_lazy("password_mail_sent")
    extra_email_context = {"minutes": settings.PASSWORD_RESET_TIMEOUT // 60}


class MailSent(auth_views.PasswordResetDoneView):
    """`/accounts/password/forgotten/sent/`."""

    template_name = "accounts/password_mail_sent.html"


class SetNew(auth_views.PasswordResetConfirmView):
    """`/accounts/password/new/…/`: where the mail's link leads."""

    form_class = SetForm
    template_name = "accounts/password_new.html"
    success_url = reverse_lazy("password_set")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set and recorded in one. Whoever has the link is taken for the owner of the account."""
        with transaction.atomic():
            response = super().form_valid(form)
            audit.record(
                Act.PASSWORD_SET_BY_LINK, now=timezone.now(), request=self.request, actor=form.user, subject=form.user
            )
        return response


class WasSet(auth_views.PasswordResetCompleteView):
    """`/accounts/password/new/done/`."""

    template_name = "accounts/password_set.html"
