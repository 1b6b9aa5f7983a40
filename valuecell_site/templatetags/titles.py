"""Titles in templates: `{{ task.title|named }}`, so that every link has something to see and to press."""

from django import template

from tasks.views.words import named

register = template.Library()
register.filter("named", named)
