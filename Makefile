.PHONY: setup test fast lint docs

setup:  ## install the package with its test and lint dependencies
	pip install -e '.[test]'

fast:  ## run the fast tests, in less than a minute
	python -m pytest -m fast -n auto --dist worksteal

test:  ## run all tests
	python -m pytest -n auto --dist worksteal

lint:  ## run the other CI checks
	ruff check .
	ruff format --check .
	codespell
	mypy
	lint-imports

docs:  ## regenerate the tables of docs/configuration.md
	python -c "from pathlib import Path; from entrannas_cli.config.describe import filled; \
	page = Path('docs/configuration.md'); page.write_text(filled(page.read_text()))"
