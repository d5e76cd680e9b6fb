"""What is written down: trials, measurements and states of searches, as plain validated data.

A trial's spec is its key, a record is what came out, and a judgement says what counts as solved.
Nothing here reads or writes a file, and nothing here trains.
"""

from rlid.records.fields import Count as Count
from rlid.records.fields import Finite as Finite
from rlid.records.fields import Name as Name
from rlid.records.fields import Sha256 as Sha256
from rlid.records.fields import Text as Text
from rlid.records.fields import Value as Value
from rlid.records.fields import kept_text as kept_text
from rlid.records.fields import visible as visible
from rlid.records.judgement import Judgement as Judgement
from rlid.records.judgement import judged as judged
from rlid.records.measurement_spec import DEFAULT_FRACTION as DEFAULT_FRACTION
from rlid.records.measurement_spec import PROTOCOL as PROTOCOL
from rlid.records.measurement_spec import MeasurementSpec as MeasurementSpec
from rlid.records.measurement_spec import complaint as complaint
from rlid.records.measurement_spec import option_name as option_name
from rlid.records.processor import GPU as GPU
from rlid.records.processor import PREFIX as PREFIX
from rlid.records.processor import card as card
from rlid.records.processor import overrides as overrides
from rlid.records.record import MAX_NAMES as MAX_NAMES
from rlid.records.record import MERGED_FROM as MERGED_FROM
from rlid.records.record import MISSING as MISSING
from rlid.records.record import NOT_WHOLE as NOT_WHOLE
from rlid.records.record import Record as Record
from rlid.records.record import Status as Status
from rlid.records.record import missing_record as missing_record
from rlid.records.record import parse_record as parse_record
from rlid.records.record import split_checksum as split_checksum
from rlid.records.record import thin_curve as thin_curve
from rlid.records.record import versions as versions
from rlid.records.record import written as written
from rlid.records.spec import MAX_D as MAX_D
from rlid.records.spec import MAX_SEED as MAX_SEED
from rlid.records.spec import REFERENCE_SEED as REFERENCE_SEED
from rlid.records.spec import Stopping as Stopping
from rlid.records.spec import TrialSpec as TrialSpec
from rlid.records.standing import Standing as Standing
from rlid.records.state import State as State
from rlid.records.state import decode as decode
from rlid.records.state import encode as encode
from rlid.records.state import generator_state as generator_state
from rlid.records.state import joined as joined
from rlid.records.state import restore_generator as restore_generator
from rlid.records.strict_json import StrictModel as StrictModel
from rlid.records.strict_json import canonical as canonical
from rlid.records.strict_json import parse_json as parse_json
from rlid.records.strict_json import validate as validate

__all__ = [
    "GPU",
    "card",
    "DEFAULT_FRACTION",
    "Count",
    "Finite",
    "Judgement",
    "MAX_D",
    "MAX_NAMES",
    "MAX_SEED",
    "MERGED_FROM",
    "MISSING",
    "MeasurementSpec",
    "NOT_WHOLE",
    "Name",
    "PREFIX",
    "PROTOCOL",
    "REFERENCE_SEED",
    "Record",
    "Sha256",
    "Standing",
    "State",
    "Status",
    "Stopping",
    "StrictModel",
    "Text",
    "TrialSpec",
    "Value",
    "canonical",
    "complaint",
    "decode",
    "encode",
    "generator_state",
    "joined",
    "judged",
    "kept_text",
    "missing_record",
    "option_name",
    "overrides",
    "parse_json",
    "parse_record",
    "restore_generator",
    "split_checksum",
    "thin_curve",
    "validate",
    "versions",
    "visible",
    "written",
]
