"""The names of this package that others use, and the module of each: each is imported on first use."""

from .account_tables import CapacityView as CapacityView
from .account_tables import CreditsView as CreditsView
from .account_tables import remote_videos_table as remote_videos_table
from .account_tables import uploads_table as uploads_table
from .job_tables import JobRow as JobRow
from .job_tables import attempts_table as attempts_table
from .job_tables import events_table as events_table
from .job_tables import jobs_table as jobs_table
from .model_table import ModelTable as ModelTable
from .spending_table import SpendingTable as SpendingTable
from .timeline import Timeline as Timeline
from .timeline import job_title as job_title
