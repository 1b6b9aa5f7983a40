import conversations.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('valuecell_site', '0002_devices_and_attempts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditRecord',
            fields=[
                ('id', models.UUIDField(default=conversations.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('act', models.CharField(choices=[('signed_in', 'signed in'), ('sign_in_failed', 'sign in failed'), ('signed_out', 'signed out'), ('devices_signed_out', 'devices signed out'), ('password_changed', 'password changed'), ('password_set_by_link', 'password set by link'), ('token_made', 'token made'), ('token_revoked', 'token revoked'), ('person_added', 'person added'), ('person_changed', 'person changed'), ('person_deactivated', 'person deactivated'), ('person_activated', 'person activated'), ('person_deleted', 'person deleted'), ('group_added', 'group added'), ('group_changed', 'group changed'), ('group_deleted', 'group deleted'), ('agent_added', 'agent added'), ('agent_changed', 'agent changed'), ('agent_enabled', 'agent enabled'), ('agent_disabled', 'agent disabled'), ('agent_deleted', 'agent deleted'), ('tasks_acted_on', 'tasks acted on'), ('conversations_deleted', 'conversations deleted'), ('share_made', 'share made'), ('share_revoked', 'share revoked'), ('feed_made', 'feed made'), ('feed_revoked', 'feed revoked'), ('hook_made', 'hook made'), ('hook_deleted', 'hook deleted'), ('webhook_made', 'webhook made'), ('webhook_changed', 'webhook changed'), ('webhook_deleted', 'webhook deleted'), ('runs_held', 'runs held'), ('runs_released', 'runs released'), ('process_drained', 'process drained'), ('process_released', 'process released'), ('audit_exported', 'audit exported')], max_length=30)),
                ('actor_name', models.CharField(blank=True, max_length=150)),
                ('via', models.CharField(max_length=20)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('subject_kind', models.CharField(blank=True, max_length=60)),
                ('subject_id', models.CharField(blank=True, max_length=64)),
                ('subject_name', models.CharField(blank=True, max_length=200)),
                ('count', models.PositiveIntegerField(null=True)),
                ('details', models.JSONField(default=dict)),
                ('actor', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'audit record',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['act', '-id'], name='audit_by_act'), models.Index(fields=['actor', '-id'], name='audit_by_actor'), models.Index(fields=['subject_id', '-id'], name='audit_by_subject')],
            },
        ),
    ]
