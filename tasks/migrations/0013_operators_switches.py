import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tasks', '0012_task_turn_in_plan'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RunnerProcess',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('concurrency', models.PositiveIntegerField()),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('seen_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'verbose_name': 'runner',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Switches',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('held_at', models.DateTimeField(null=True)),
                ('held_reason', models.CharField(blank=True, max_length=200)),
                ('drained', models.JSONField(default=list)),
                ('held_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'operation',
                'verbose_name_plural': 'operation',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='switches_one_row')],
            },
        ),
    ]
