// Whether a study was made for what is asked of it now.
#pragma once

#include "nas/study/location.h"
#include "nas/study/study.h"

namespace paretiny::study {

/// Throws StoreError, naming the commands that go on with it, when the study at `location` with the
/// header `stored` is of another kind.
void check_kind(const Location& location, const StudyHeader& stored, StudyKind wanted);

/// Throws StoreError, saying what differs, unless the study at `location` with the header `stored`
/// was made for what `wanted` says, data included. Device, commit and the experiment's text may
/// differ.
void check_same(const Location& location, const StudyHeader& stored, const StudyHeader& wanted);

}  // namespace paretiny::study
