# The names of the wing, each with its module. `__init__.py` reads it.
from kling_elements.journal.entry import Entry as Entry
from kling_elements.journal.entry import Job as Job
from kling_elements.journal.entry import State as State
from kling_elements.journal.entry import new_entry_id as new_entry_id
from kling_elements.journal.entry import request_digest as request_digest
from kling_elements.journal.fingerprint import key_fingerprint as key_fingerprint
from kling_elements.journal.journal import Journal as Journal
from kling_elements.journal.journal import JournalUnread as JournalUnread
from kling_elements.journal.journal import journal_at as journal_at
from kling_elements.journal.location import JOURNAL_VARIABLE as JOURNAL_VARIABLE
from kling_elements.journal.location import journal_path as journal_path
from kling_elements.journal.queries import Begun as Begun
from kling_elements.journal.queries import NewEntry as NewEntry
