// A study's JSON: what study.json holds, and what the store keeps in its text columns. A number
// that is not finite is null.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "nas/study/study.h"

namespace paretiny::study {

nlohmann::json to_json(const StudyHeader& header);
/// Throws nlohmann::json::exception for text of another form, DataError for a header that no study
/// could have.
StudyHeader header_from_json(const nlohmann::json& json);

nlohmann::json to_json(const Trial& trial);

nlohmann::json to_json(const stopping::StopVerdict& verdict);
/// Of a study of so many objectives. Throws nlohmann::json::exception for text of another form,
/// DataError for a verdict that no trial of it could have.
stopping::StopVerdict verdict_from_json(const nlohmann::json& json, std::size_t objectives);

/// [epoch, loss, accuracy, sparsity], for binary forms: numbers that are not finite stay.
nlohmann::json to_json(const EpochRecord& record);
/// Throws nlohmann::json::exception for another form.
EpochRecord epoch_from_json(const nlohmann::json& json);

nlohmann::json values_to_json(const space::Values& values);
/// Throws nlohmann::json::exception or DataError for text of another form.
space::Values values_from_json(const nlohmann::json& json);

/// `json` as one line; text that is not UTF-8 gets replacement characters.
std::string dump(const nlohmann::json& json);

}  // namespace paretiny::study
