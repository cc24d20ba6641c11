-- What the roles of the database may: given after each migration, and after a backup came back.
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO gridmgmt_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO gridmgmt_worker, gridmgmt_web;
REVOKE UPDATE, DELETE, TRUNCATE ON audit, audit_seal FROM gridmgmt_worker;
GRANT EXECUTE ON FUNCTION look_at(text, boolean) TO gridmgmt_worker;
GRANT SELECT ON
    account, account_post, actor, alembic_version, api_key, appeal, assessed, assessment_act, assessment_case, assessment_sample,
    assessment_step, assessment_subject, assignment, attachment, audit, audit_seal, batch, case_version, cases, category,
    category_version, city, counter, draw, draw_item, duty_event, edition, edition_grid, entry, feature, finding, grid,
    handed_in, inspection, layer, lineage, linework, notice, notice_check, notice_finding, person, person_version, post,
    post_version, quarantine, reporter, request_once, responsibility, rulebook_version, sample_share, sample_version, samples, session,
    sign_in_failure, spatial_ref_sys, staff_day, step, stored_file, subject, time_limit, unit, unit_version, work_calendar
TO gridmgmt_web;
-- all of an assessment but the inputs of everybody
GRANT SELECT (id, name, rulebook_id, rulebook_sha256, rulebook_text, period, as_of, known_through, edition_id, header, sha256,
              complete, published_at, published_by, published_seal, publisher_id, corrects, confirmed_at, known_at, actor_id)
ON assessment TO gridmgmt_web;
GRANT INSERT ON
    account, account_post, actor, api_key, appeal, assignment, attachment, audit, batch, case_change, case_version, cases, counter,
    duty_event, entry, finding, handed_in, inspection, notice, notice_check, notice_finding, quarantine, reporter, request_once, sample_version,
    samples, session, sign_in_failure, step, stored_file, work_calendar
TO gridmgmt_web;
GRANT UPDATE ON
    account, account_post, api_key, appeal, batch, cases, counter, quarantine, reporter, request_once, samples, session, sign_in_failure
TO gridmgmt_web;
GRANT DELETE ON request_once, sign_in_failure TO gridmgmt_web;
GRANT SELECT ON case_change TO gridmgmt_web;
GRANT SELECT, INSERT ON job TO gridmgmt_web;
GRANT UPDATE (state, cancel_asked_at, finished_at) ON job TO gridmgmt_web;
GRANT USAGE ON SCHEMA queue TO gridmgmt_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA queue TO gridmgmt_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA queue TO gridmgmt_worker;
-- of hooks all but their secrets
GRANT SELECT, INSERT ON outbox TO gridmgmt_web;
GRANT SELECT ON live_mark TO gridmgmt_web;
GRANT SELECT (id, account_id, name, url, form, kinds, after_xid, after_id, n_failed, n_lost, next_at, failure, removed_at, known_at,
              actor_id), INSERT, UPDATE (removed_at) ON hook TO gridmgmt_web;
