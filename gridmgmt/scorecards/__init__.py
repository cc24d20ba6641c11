"""Scorecards (考评表): results as documents, with chance and what-if, and the files made from them."""
