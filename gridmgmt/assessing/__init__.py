"""Assessing (考核评价): the period's assessment: subjects, entries, scoring, publishing, appeals, explaining."""
